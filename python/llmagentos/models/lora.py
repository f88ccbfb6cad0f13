"""LoRA adapters (Hu et al., 2021) as PEFT saves them: low-rank updates of weights, under GGUF's names for these.

An adapter's factors b a stand for a change of a weight of transformers' model. What a family's rules do to the rows of
that weight (hf_tensors.py), they do to the rows of b; a stays as it is. DoRA (Liu et al., 2024) gives the rows of the
sum lengths of their own, and beside the factors there may be modules that were trained whole: both can only be merged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import LazyTensor
from llmagentos.models.family import HfForm
from llmagentos.models.hf_tensors import Flat, Meta, Rows, Rule, Same, Transposed, alternatives, float_values, places
from llmagentos.models.peft_config import PeftConfig, read_peft_config
from llmagentos.models.peft_saved import saved_tensors
from llmagentos.models.registry import hf_forms

_WEIGHTS = "adapter_model.safetensors"
_FACTOR = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<factor>[AB])\.weight")
_LENGTHS = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_magnitude_vector(\.weight)?")
# PEFT keeps a copy of the output head that an adapter is for beside its factors.
_COPY = re.compile(r"base_model\.model\.(?P<module>.+)\.base_layer\.weight")
EMBEDDING, HEAD = "token_embd.weight", "output.weight"

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LowRank:
    """A change of a weight [rows, columns], which is b a.

    Attributes:
        a: float32 [rank, columns].
        b: float32 [rows, rank], the adapter's scale in it.
    """

    a: Matrix
    b: Matrix


@dataclass(frozen=True, slots=True)
class Adapter:
    """What an adapter does to the weights of a model, by GGUF's names.

    Attributes:
        changes: of weights that linear layers read.
        lengths: of the rows of changed weights, float32 [rows], where the adapter is DoRA's.
        saved: tensors that stand in the place of the model's.
    """

    changes: dict[str, LowRank]
    lengths: dict[str, Matrix]
    saved: dict[str, LazyTensor]


@dataclass(frozen=True, slots=True)
class AdapterBase:
    """What of a model its adapters have to fit; it stays known when the weights are packed.

    Attributes:
        architecture: GGUF's name.
        meta: GGUF's metadata, without the architecture's prefix.
        shapes: of the tensors, by GGUF's names.
    """

    architecture: str
    meta: Meta
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> AdapterBase:
        prefix, tensors = f"{checkpoint.architecture}.", checkpoint.tensors
        meta = {name.removeprefix(prefix): value for name, value in checkpoint.metadata.items()}
        specs = ((name, tensors.spec(name)) for name in tensors.names())
        return cls(checkpoint.architecture, meta, {name: spec.shape for name, spec in specs if spec is not None})


def open_adapter(path: Path, base: AdapterBase) -> dict[str, LowRank]:
    """The changes of an adapter that stays beside the model, by the names of the weights that linear layers read.

    Raises:
        ModelNotFoundError, ModelFormatError, UnsupportedModelError: as `read_adapter`.
        UnsupportedModelError: it is of a kind that can only be merged.
    """
    adapter = read_adapter(path, base)
    what = "use_dora=True" if adapter.lengths else f"a trained {min(adapter.saved)}" if adapter.saved else ""
    if what:
        raise UnsupportedModelError(
            f"{path}: {what} is not supported beside a model; "
            f"merge the adapter: llmagentos quantize MODEL MERGED.gguf --adapter {path}"
        )
    return adapter.changes


def read_adapter(path: Path, base: AdapterBase) -> Adapter:
    """An adapter in a folder as PEFT saves it.

    Raises:
        ModelNotFoundError: adapter_config.json or adapter_model.safetensors is missing.
        ModelFormatError: a file is broken, or its factors do not fit its configuration.
        UnsupportedModelError: it asks for what this build does not do (names the field and its value, or the tensor),
            or is another model's.
    """
    config, file = read_peft_config(path), _open_weights(path)
    modules, others = _factors(file, config)
    lengths, others = _lengths(file, others, modules, config)
    made = Adapter({}, {}, saved_tensors(file, others, base.architecture, base.meta, base.shapes))
    for module, rule, name in _targets(modules.keys(), base, file.path) if modules else ():
        is_taken = name in made.changes or name in made.saved or (name == EMBEDDING and HEAD in made.saved)
        if is_taken or not isinstance(rule, (Same, Flat, Rows, Transposed)):
            raise UnsupportedModelError(f"{file.path}: it updates {module}, which no adapter can here")
        (a, b), length = modules[module], lengths.get(module)
        if isinstance(rule, (Rows, Transposed)):
            index = rule.index(len(b), base.meta)
            b, length = np.ascontiguousarray(b[index]), None if length is None else length[index]
        shape = (len(b), a.shape[1])
        if base.shapes[name] not in (shape, shape[1:] if shape[0] == 1 else shape):  # a single row may be a vector
            raise UnsupportedModelError(
                f"{file.path}: {module} is for a weight of shape {list(shape)}, but {name} is "
                f"{list(base.shapes[name])} in this model"
            )
        made.changes[name] = LowRank(a, b)
        if length is not None:
            made.lengths[name] = length
    return made


def _open_weights(path: Path) -> SafetensorsFile:
    if not (path / _WEIGHTS).exists():
        is_pickle = (path / "adapter_model.bin").exists()
        hint = "; adapter_model.bin is a pickle, which is not opened: it can run code" if is_pickle else ""
        raise ModelNotFoundError(f"{path} has no {_WEIGHTS}{hint}")
    return SafetensorsFile(path / _WEIGHTS)


def _factors(file: SafetensorsFile, config: PeftConfig) -> tuple[dict[str, tuple[Matrix, Matrix]], list[str]]:
    """Both factors of each module, the scale in the second, after a check of their shapes; and the other tensors."""
    others, found = list[str](), dict[str, dict[str, Matrix]]()
    copies = {match["module"]: file.shape(name) for name in file.names() if (match := _COPY.fullmatch(name))}
    for name in file.names():
        if _COPY.fullmatch(name):
            continue
        match = _FACTOR.fullmatch(name)
        if match is None:
            others.append(name)
            continue
        if len(file.shape(name)) != 2:
            raise UnsupportedModelError(f"{file.path}: tensor {name} is none of a linear layer's two factors")
        found.setdefault(match["module"], {})[match["factor"]] = float_values(file, name)
    if not found and not others:
        raise ModelFormatError(f"{file.path}: it updates nothing", str(file.path))
    made = dict[str, tuple[Matrix, Matrix]]()
    for module, factors in found.items():
        if factors.keys() != {"A", "B"}:
            raise ModelFormatError(f"{file.path}: of {module} there is lora_{next(iter(factors))} only", str(file.path))
        a, b, rank = factors["A"], factors["B"], config.rank_of(module)
        if a.shape[0] != rank or b.shape[1] != rank:
            message = f"{file.path}: {module} has factors {list(a.shape)} and {list(b.shape)}, its rank is {rank}"
            raise ModelFormatError(message, str(file.path))
        made[module] = a, b * np.float32(config.scale_of(module))
    for module, shape in copies.items():
        if module not in made or shape != (len(made[module][1]), made[module][0].shape[1]):
            raise UnsupportedModelError(f"{file.path}: it replaces the weight of {module}, of shape {list(shape)}")
    return made, others


def _lengths(
    file: SafetensorsFile, names: Collection[str], modules: Mapping[str, tuple[Matrix, Matrix]], config: PeftConfig
) -> tuple[dict[str, Matrix], list[str]]:
    """The lengths of the rows of each module's weight, where the adapter is DoRA's; and the other tensors."""
    matches = {name: _LENGTHS.fullmatch(name) for name in names}
    found = {match["module"]: float_values(file, name).reshape(-1) for name, match in matches.items() if match}
    wanted = {module: len(b) for module, (_, b) in modules.items()} if config.uses_dora else {}
    given = {module: len(length) for module, length in found.items()}
    if given != wanted:
        module = min(module for module, _ in given.items() ^ wanted.items())
        message = (
            f"{file.path}: {module} has {given.get(module, 'no')} lengths, it must have {wanted.get(module, 'none')}"
        )
        raise ModelFormatError(message, str(file.path))
    return found, [name for name, match in matches.items() if match is None]


def _targets(modules: Collection[str], base: AdapterBase, path: Path) -> list[tuple[str, Rule, str]]:
    """Which of the modules are made into which weights, and how.

    Several classes of transformers may share an architecture: the adapter is of one that has all of its modules, or if
    there is none, of one that has all but those of a head that is not used here.
    """
    forms, known = hf_forms(base.architecture), set[str]()
    for has_unused in (False, True):
        for form in forms:
            used = {name for name in modules if not has_unused or not _is_unused(form, name)}
            targets = _targets_of(form, used, base)
            found = {module for module, _, _ in targets}
            if found and found == used:
                return targets
            known |= found
    raise UnsupportedModelError(
        f"{path}: it updates {min(set(modules) - known, default=min(modules))}, which is no layer of this "
        f"{base.architecture} model that an adapter can update"
    )


def _targets_of(form: HfForm, modules: Collection[str], base: AdapterBase) -> list[tuple[str, Rule, str]]:
    n_layers = max(base.meta.get("block_count", 0), base.meta.get("decoder_block_count", 0))
    targets = [
        (module, rule, target.format(i=i))
        for target, given in form.tensors.items()
        if target != EMBEDDING  # a look-up, which is no product
        for rule in alternatives(given)
        for i in (range(n_layers) if "{i}" in target else (0,))
        for module in _modules(rule, i, form.prefix)
        if module in modules
    ]
    has_head = HEAD in base.shapes
    named = [(module, rule, EMBEDDING if name == HEAD and not has_head else name) for module, rule, name in targets]
    return [target for target in named if target[2] in base.shapes]


def _is_unused(form: HfForm, module: str) -> bool:
    return f"{module.removeprefix(form.prefix)}.".startswith(form.unused)


def _modules(rule: Rule, layer: int, prefix: str) -> Iterator[str]:
    """The names that the module of a rule's source may have."""
    yield from places(rule.source.replace("{i}", str(layer)).removesuffix(".weight"), prefix)
