"""Folders as transformers saves them: config.json, safetensors files, a tokenizer, a chat template."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.chat_templates import by_tools
from llmagentos.formats.files import read_text
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import LazyTensor, TensorSpec

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"


class HfFolder:
    """An open folder. Tensors have transformers' names here; the model's family knows what they are.

    Attributes:
        path: of the folder.
        config, generation_config: the JSON objects; the second is empty where there is no such file.

    Raises:
        ModelNotFoundError: config.json or the weights are missing.
        ModelFormatError: a file is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = read_json(path / "config.json")
        generation = path / "generation_config.json"
        self.generation_config = read_json(generation) if generation.exists() else {}
        self._files = {name: file for file in _open_weights(path) for name in file.names()}
        self._hidden: Collection[str] = frozenset()
        self._made: Mapping[str, LazyTensor] = {}

    def quantize_config(self) -> dict[str, Any]:
        """What the first versions of AutoGPTQ wrote in a file of its own; empty where there is none."""
        file = self.path / "quantize_config.json"
        return {"quant_method": "gptq"} | read_json(file) if file.exists() else {}

    def replace(self, sources: Collection[str], made: Mapping[str, LazyTensor]) -> None:
        """From now on tensors that are made of others stand in their place."""
        self._hidden, self._made = frozenset(sources), dict(made)

    def names(self) -> list[str]:
        return [name for name in dict.fromkeys((*self._files, *self._made)) if name not in self._hidden]

    def has(self, name: str) -> bool:
        return (name in self._files and name not in self._hidden) or name in self._made

    def shape(self, name: str) -> tuple[int, ...]:
        return self._made[name].spec.shape if name in self._made else self._file(name).shape(name)

    def spec(self, name: str) -> TensorSpec:
        """The tensor as a weight; raises UnsupportedModelError for integers."""
        return self._made[name].spec if name in self._made else self._file(name).spec(name)

    def array(self, name: str) -> NDArray[Any]:
        """A tensor in its shape, BF16 as uint16, mapped; of a quantised one each row's blocks as bytes."""
        return self._made[name].read() if name in self._made else self._file(name).array(name)

    def copied(self, name: str, part: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """A part of a tensor, contiguous. Where it had to be copied, the tensor's pages are given back."""
        array = self.array(name)
        copy = np.ascontiguousarray(part(array))
        if name in self._files and not np.may_share_memory(copy, array):
            self._file(name).drop(name)
        return copy

    def chat_template(self) -> str | None:
        """The template in chat_template.jinja, else in tokenizer_config.json, with the one for tools beside it.

        Raises:
            ModelFormatError: a file is no UTF-8.
        """
        default = _text_of(self.path / "chat_template.jinja")
        if default is not None:
            return by_tools(default, _text_of(self.path / "additional_chat_templates" / "tool_use.jinja"))
        template: Any = None
        for name in ("tokenizer_config.json", "chat_template.json"):  # the latter of models that see pictures
            if template is None and (self.path / name).exists():
                template = read_json(self.path / name).get("chat_template")
        if not isinstance(template, list):
            return by_tools(template, None)
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        return by_tools(named.get("default"), named.get("tool_use"))

    def end_ids(self) -> list[int]:
        """The ids that end a generation: generation_config.json's, else config.json's.

        Raises:
            ModelFormatError: they are no integers.
        """
        given = self.generation_config.get("eos_token_id", self.config.get("eos_token_id"))
        ids = given if isinstance(given, list) else [] if given is None else [given]
        if not all(type(id) is int for id in ids):
            raise ModelFormatError(f"{self.path}: eos_token_id must be token ids, it is {given!r}", str(self.path))
        return sorted(set(ids))

    def _file(self, name: str) -> SafetensorsFile:
        file = self._files.get(name)
        if file is None:
            raise UnsupportedModelError(f"{self.path}: there is no tensor {name}, which the architecture needs")
        return file


class TensorsAlone(HfFolder):
    """Tensors that are no folder's, under transformers' names.

    Args:
        path: of their file, for errors.
    """

    def __init__(self, path: Path, tensors: Mapping[str, LazyTensor]) -> None:
        self.path = path
        self.config, self.generation_config = {}, {}
        self._files = {}
        self.replace((), tensors)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object in a file.

    Raises:
        ModelNotFoundError: no file there.
        ModelFormatError: it is none.
    """
    value = _json_in(path)
    if not isinstance(value, dict):
        raise ModelFormatError(f"{path} holds no JSON object", str(path))
    return value


def read_json_list(path: Path) -> list[Any]:
    """A JSON array in a file; raises as `read_json` does."""
    value = _json_in(path)
    if not isinstance(value, list):
        raise ModelFormatError(f"{path} holds no JSON array", str(path))
    return value


def _text_of(file: Path) -> str | None:
    """None where there is no such file."""
    if not file.exists():
        return None
    try:
        return _read(file)
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{file} is no UTF-8: {error}", str(file), error.start) from error


def _json_in(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} is no JSON: {error}", str(path)) from error


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise ModelNotFoundError(f"cannot read {path}: {error.strerror or error}") from error


def _open_weights(path: Path) -> list[SafetensorsFile]:
    if (path / _WEIGHTS).exists():  # an index beside it is of what was there before
        return [SafetensorsFile(path / _WEIGHTS)]
    if (path / _INDEX).exists():
        files = read_json(path / _INDEX).get("weight_map")
        if not isinstance(files, Mapping) or not all(isinstance(name, str) for name in files.values()):
            raise ModelFormatError(f"{path / _INDEX} has no weight_map of file names", str(path / _INDEX))
        names = sorted(set(files.values()))
        if any(Path(name).name != name for name in names):
            raise ModelFormatError(f"{path / _INDEX} names a file outside the folder", str(path / _INDEX))
        return [SafetensorsFile(path / name) for name in names]
    named = sorted(path.glob("gptq_model-*.safetensors"))  # as AutoGPTQ called it
    if len(named) == 1:
        return [SafetensorsFile(named[0])]
    old = sorted(file.name for file in path.glob("*.bin"))
    hint = f"; {old[0]} is a pickle, which is not opened: it can run code" if old else ""
    raise ModelNotFoundError(f"{path} has neither {_WEIGHTS} nor {_INDEX}{hint}")
