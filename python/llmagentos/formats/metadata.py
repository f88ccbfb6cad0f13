"""Typed look-ups in a checkpoint's metadata, by GGUF's keys, with errors that name the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, overload

from llmagentos.errors import ModelFormatError

_T = TypeVar("_T")
_REQUIRED = object()
_MAX_INT = 2**31 - 1  # what the core's sizes hold
# Keys that say nothing of how to compute (but of texts before and vectors behind the model: models/pooling.py), or what
# another key or the tensors' shapes say already.
_DESCRIPTIVE = frozenset(
    {
        "classifier.output_labels",
        "classifier.scores",
        "context_length",
        "embedding.default_prompt",
        "embedding.lowercase",
        "embedding.max_length",
        "embedding.normalize",
        "embedding.prompt_names",
        "embedding.prompts",
        "embedding.truncate",
        "tensor_data_layout",
        "vocab_size",
    }
)
# Values that stand for "as if the key were absent"; for every other key these are zero, false and the empty text.
_NEUTRAL: dict[str, object] = {
    "attention.causal": True,
    "embedding_scale": 1.0,
    "logit_scale": 1.0,
    "residual_scale": 1.0,
    "rope.scale_linear": 1.0,
}
_MIN_NUMBER, _MAX_NUMBER = 1e-30, 1e30


class KeyValues(Protocol):
    """Keys with single values or arrays, as a GGUF file has them."""

    @property
    def path(self) -> str: ...
    def keys(self) -> list[str]: ...
    def get(self, key: str) -> str | int | float | bool | None: ...
    def array(self, key: str) -> list[str] | list[int] | list[float] | list[bool] | None: ...
    def array_length(self, key: str) -> int | None: ...


class GivenKeyValues:
    """Those of a dictionary whose arrays are lists."""

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = dict(values)

    def keys(self) -> list[str]:
        return list(self._values)

    def get(self, key: str) -> str | int | float | bool | None:
        value = self._values.get(key)
        return None if isinstance(value, list) else value

    def array(self, key: str) -> list[str] | list[int] | list[float] | list[bool] | None:
        value = self._values.get(key)
        return value if isinstance(value, list) else None

    def array_length(self, key: str) -> int | None:
        value = self._values.get(key)
        return len(value) if isinstance(value, list) else None


class Metadata:
    """A file's metadata under its architecture's prefix: `integer("block_count")` reads "llama.block_count".

    Raises:
        ModelFormatError: a required key is missing, or a key holds another type or a value outside its range.
    """

    def __init__(self, file: KeyValues, architecture: str) -> None:
        self._file = file
        self._architecture = architecture
        self._read: set[str] = set()

    @property
    def source(self) -> KeyValues:
        """All keys, those of other prefixes, too."""
        return self._file

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

    def flag(self, name: str, default: bool) -> bool:
        """A truth value; `default` where the key is absent."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self._wrong_type(name, "true or false", value)
        return value

    def numbers(self, name: str) -> list[float] | None:
        """An array of numbers; None where the key is absent."""
        return self._array(name, float)

    def integers(self, name: str) -> list[int] | None:
        """An array of integers, of which true and false are two; None where the key is absent."""
        return self._array(name, int)

    def strings(self, name: str) -> list[str]:
        """An array of strings; empty where the key is absent."""
        self._read.add(name)
        values = self._file.array(self._key(name)) if self.is_array(name) else None
        strings = [value for value in values or () if isinstance(value, str)]
        if len(strings) != len(values or ()):
            raise self._wrong_type(name, "an array of strings", values)
        return strings

    def is_array(self, name: str) -> bool:
        return self._file.array_length(self._key(name)) is not None

    def _array(self, name: str, kind: type[_T]) -> list[_T] | None:
        self._read.add(name)
        if not self.is_array(name):
            return None
        values = self._file.array(self._key(name)) or []
        if any(isinstance(value, str) for value in values):
            raise self._wrong_type(name, "an array of numbers", values)
        return [kind(value) for value in values]  # type: ignore[call-arg]

    def items(self) -> list[tuple[str, Any]]:
        """Keys, with the architecture's prefix, and values; of no effect on what counts as read."""
        prefix, keys = self._key(""), self._file.keys()
        return [(key, self._value(key)) for key in keys if key.startswith(prefix)]

    def _value(self, key: str) -> Any:
        return self._file.get(key) if self._file.array_length(key) is None else self._file.array(key)

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
        if self.is_array(name):
            message = f"{self._file.path}: {self._key(name)} must be a single value, it is an array"
            raise ModelFormatError(message, self._file.path)
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
