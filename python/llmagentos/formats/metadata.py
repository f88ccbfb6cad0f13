"""Typed look-ups in a GGUF file's metadata, with errors that name the key."""

from __future__ import annotations

from typing import TypeVar, overload

from llmagentos._core.formats import GgufFile
from llmagentos.errors import ModelFormatError

_T = TypeVar("_T")
_REQUIRED = object()
_MAX_INT = 2**31 - 1  # what the core's sizes hold
# Keys that say nothing of how to compute, or what another key or the tensors' shapes say already.
_DESCRIPTIVE = frozenset({"vocab_size", "context_length", "tensor_data_layout"})
# Values that stand for "as if the key were absent"; for every other key these are zero, false and the empty text.
_NEUTRAL: dict[str, object] = {
    "attention.causal": True,
    "embedding_scale": 1.0,
    "logit_scale": 1.0,
    "residual_scale": 1.0,
    "rope.scale_linear": 1.0,
}
_MIN_NUMBER, _MAX_NUMBER = 1e-30, 1e30


class Metadata:
    """A file's metadata under its architecture's prefix: `integer("block_count")` reads "llama.block_count".

    Raises:
        ModelFormatError: a required key is missing, or a key holds another type or a value outside its range.
    """

    def __init__(self, file: GgufFile, architecture: str) -> None:
        self._file = file
        self._architecture = architecture
        self._read: set[str] = set()

    @overload
    def integer(self, name: str, *, low: int = 1, high: int = _MAX_INT) -> int: ...
    @overload
    def integer(self, name: str, default: _T, *, low: int = 1, high: int = _MAX_INT) -> int | _T: ...
    def integer(self, name: str, default: object = _REQUIRED, *, low: int = 1, high: int = _MAX_INT) -> object:
        """An integer in low..high; `default` where the key is absent."""
        value = self._get(name, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong_type(name, "an integer", value)
        return self._in_range(name, value, low, high)

    @overload
    def number(self, name: str, *, low: float = _MIN_NUMBER, high: float = _MAX_NUMBER) -> float: ...
    @overload
    def number(self, name: str, default: _T, *, low: float = _MIN_NUMBER, high: float = _MAX_NUMBER) -> float | _T: ...
    def number(
        self, name: str, default: object = _REQUIRED, *, low: float = _MIN_NUMBER, high: float = _MAX_NUMBER
    ) -> object:
        """A positive, finite number in low..high; `default` where the key is absent."""
        value = self._get(name, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong_type(name, "a number", value)
        return float(self._in_range(name, value, low, high))

    @overload
    def string(self, name: str) -> str: ...
    @overload
    def string(self, name: str, default: _T) -> str | _T: ...
    def string(self, name: str, default: object = _REQUIRED) -> object:
        value = self._get(name, default)
        if value is default:
            return default
        if not isinstance(value, str):
            raise self._wrong_type(name, "a string", value)
        return value

    def unread(self) -> list[str]:
        """Keys under the prefix that no look-up has asked for, but for those that change nothing."""
        prefix = self._key("")
        keys = self._file.keys()
        names = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
        return [self._key(name) for name in names if name not in self._read | _DESCRIPTIVE and self._matters(name)]

    def _matters(self, name: str) -> bool:
        if self._file.array_length(self._key(name)) is not None:
            return True
        value = self._file.get(self._key(name))
        return value != _NEUTRAL[name] if name in _NEUTRAL else bool(value)

    def _key(self, name: str) -> str:
        return f"{self._architecture}.{name}"

    def _get(self, name: str, default: object) -> object:
        self._read.add(name)
        value = self._file.get(self._key(name))
        if value is not None:
            return value
        if default is _REQUIRED:
            raise ModelFormatError(f"{self._file.path}: the metadata has no {self._key(name)}", self._file.path)
        return default

    def _in_range(self, name: str, value: float, low: float, high: float) -> float:
        if not low <= value <= high:  # so that NaN fails too
            message = f"{self._file.path}: {self._key(name)} is {value}, it must be in {low}..{high}"
            raise ModelFormatError(message, self._file.path)
        return value

    def _wrong_type(self, name: str, wanted: str, value: object) -> ModelFormatError:
        message = f"{self._file.path}: {self._key(name)} must be {wanted}, it is {type(value).__name__}"
        return ModelFormatError(message, self._file.path)
