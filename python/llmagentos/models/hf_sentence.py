"""What sentence-transformers' files in a folder say: pooling, normalisation, dense layers, prompts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder, read_json, read_json_list
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import LazyTensor
from llmagentos.models.hf_classifier import scores_by
from llmagentos.models.pooling import MODE_OF_FLAG, MODES, POOLING_TYPES, Rows

_MODULES = "modules.json"
_MAX_LENGTH = 2**31 - 1
_ORDER = re.compile("Transformer Pooling( Dense| Dropout)*( Normalize)?")  # Dropout does nothing but in training
_ORDER_SAID = "Transformer, Pooling, any number of Dense and Dropout, and Normalize or not"
_SETTINGS = "config_sentence_transformers.json"
# What the modules' first one is set up by: a name for each kind of model, of which all but one are old.
_OF_TRANSFORMER = [
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
]
# Those that a graph has.
_IN_GRAPH: dict[str, Rows] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
_DENSE_ACTIVATIONS = {"torch.nn.modules.linear.Identity": "", "torch.nn.modules.activation.Tanh": "tanh"}


def sentence_metadata(folder: HfFolder) -> dict[str, Any]:
    """Metadata of the modules behind the model; nothing where the folder has none.

    Raises:
        UnsupportedModelError: a module, or a mode of one, that this build does not have.
        ModelFormatError: a file is broken.
    """
    modules = _modules(folder)
    made: dict[str, Any] = {}
    for index, (kind, place) in enumerate(modules):
        if kind == "Pooling":
            made |= _pooling(place / "config.json", any(other == "Dense" for other, _ in modules))
        elif kind == "Dense":
            made[f"dense_{index}.activation"] = _dense_activation(place / "config.json")
    if modules:
        made["embedding.normalize"] = any(kind == "Normalize" for kind, _ in modules)
        made |= _text_metadata(folder) | _settings_metadata(folder)
    return made


def cross_encoder_metadata(folder: HfFolder) -> dict[str, Any]:
    """Metadata of a classifier that sentence-transformers saved in its own form; nothing where it did not.

    Raises:
        UnsupportedModelError: modules behind the model, or scores that this build does not make.
        ModelFormatError: a file is broken.
    """
    if not _modules(folder, re.compile("Transformer"), "Transformer and nothing behind it"):
        return {}
    settings = _settings(folder)
    if settings.get("prompts"):
        raise UnsupportedModelError(f"{folder.path}: prompts={settings['prompts']!r} of a cross-encoder")
    name = settings.get("activation_fn")
    return _text_metadata(folder) | ({} if name is None else {"classifier.scores": scores_by(name, folder.path)})


def dense_tensors(folder: HfFolder) -> dict[str, LazyTensor]:
    """The weights of the layers behind the pooling, by GGUF's names: dense_2 is the module at place 2."""
    tensors = dict[str, LazyTensor]()
    for index, (kind, place) in enumerate(_modules(folder)):
        if kind != "Dense":
            continue
        file = SafetensorsFile(place / "model.safetensors")
        for name in file.names():
            read = _reader(file, name)
            tensors[f"dense_{index}.{name.removeprefix('linear.')}"] = LazyTensor(file.spec(name), read)
    return tensors


def _reader(file: SafetensorsFile, name: str) -> Any:
    return lambda: file.array(name)


def _modules(folder: HfFolder, order: re.Pattern[str] = _ORDER, said: str = _ORDER_SAID) -> list[tuple[str, Path]]:
    """The kinds of the modules in their order, and where their files are."""
    file = folder.path / _MODULES
    if not file.exists():
        return []
    modules = []
    for entry in read_json_list(file):
        name, place = (entry.get("type"), entry.get("path")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(place, str) or Path(place).name != place or place == "..":
            raise ModelFormatError(f"{file}: {entry!r} has no type and no path inside the folder", str(file))
        modules.append((name.rpartition(".")[2], folder.path / place))
    kinds = " ".join(kind for kind, _ in modules)
    if not order.fullmatch(kinds):
        raise UnsupportedModelError(f"{folder.path}: the modules {kinds} are not supported; they must be {said}")
    return modules


def _pooling(file: Path, has_dense: bool) -> dict[str, Any]:
    config = read_json(file)
    prefix, modes = "pooling_mode_", config.get("pooling_mode")
    if modes is None:
        known = [mode for flag, mode in MODE_OF_FLAG.items() if config.get(prefix + flag) is True]
        given = (
            name.removeprefix(prefix) for name, value in config.items() if name.startswith(prefix) and value is True
        )
        modes = known + [flag for flag in given if flag not in MODE_OF_FLAG]
    modes = modes if isinstance(modes, list) else [modes]
    if not modes or not all(isinstance(mode, str) and mode in MODE_OF_FLAG.values() for mode in modes):
        named = " and ".join(map(str, modes)) or "nothing"
        raise UnsupportedModelError(
            f"{file}: pooling by {named} is not supported; these are: {', '.join(MODE_OF_FLAG.values())}"
        )
    if config.get("include_prompt", True) is not True:
        raise UnsupportedModelError(f"{file}: include_prompt=false is not supported")
    if len(modes) == 1 and modes[0] in _IN_GRAPH:
        return {"pooling_type": POOLING_TYPES[_IN_GRAPH[modes[0]]]}
    if has_dense:
        raise UnsupportedModelError(f"{file}: pooling by {' and '.join(modes)} before Dense is not supported")
    return {MODES: modes}


def _dense_activation(file: Path) -> str:
    name = read_json(file).get("activation_function", "torch.nn.modules.activation.Tanh")
    if not isinstance(name, str) or name not in _DENSE_ACTIVATIONS:
        raise UnsupportedModelError(f"{file}: activation_function={name!r} is not supported")
    return _DENSE_ACTIVATIONS[name]


def _text_metadata(folder: HfFolder) -> dict[str, Any]:
    """How texts are changed, and how long they may be: the tokenizer says where the modules do not."""
    settings = next((found for name in _OF_TRANSFORMER if (found := _json_of(folder, name))), {})
    made: dict[str, Any] = {"embedding.lowercase": settings.get("do_lower_case") is True}
    length = settings.get("max_seq_length")
    if length is None:
        length = _json_of(folder, "tokenizer_config.json").get("model_max_length")
        if type(length) is not int or not 0 < length <= _MAX_LENGTH:  # a float, or 10**30, where there is none
            return made
    return made | {"embedding.max_length": length}


def _settings(folder: HfFolder) -> dict[str, Any]:
    return _json_of(folder, _SETTINGS)


def _json_of(folder: HfFolder, name: str) -> dict[str, Any]:
    file = folder.path / name
    return read_json(file) if file.exists() else {}


def _settings_metadata(folder: HfFolder) -> dict[str, Any]:
    file, settings = folder.path / _SETTINGS, _settings(folder)
    prompts = settings.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise ModelFormatError(f"{file}: prompts must map names to texts", str(file))
    made: dict[str, Any] = {}
    if prompts:
        made |= {"embedding.prompt_names": list(prompts), "embedding.prompts": list(prompts.values())}
    n_dims = settings.get("truncate_dim")
    if n_dims is not None:
        if type(n_dims) is not int or n_dims < 1:
            raise ModelFormatError(f"{file}: truncate_dim must be a number of elements, it is {n_dims!r}", str(file))
        made["embedding.truncate"] = n_dims
    name = settings.get("default_prompt_name")
    return made if name is None else made | {"embedding.default_prompt": name}
