"""Modules that PEFT keeps as a whole in an adapter's file (`modules_to_save`), under GGUF's names for their tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.hf_folder import TensorsAlone
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import LazyTensor
from llmagentos.models.hf_tensors import GatheringRule, Meta, TensorRule, alternatives, gguf_tensors
from llmagentos.models.registry import hf_forms

_PREFIX = "base_model.model."
_EMBEDDING, _HEAD = "token_embd.weight", "output.weight"


def saved_tensors(
    file: SafetensorsFile,
    names: Collection[str],
    architecture: str,
    meta: Meta,
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, LazyTensor]:
    """The tensors of a model that those of the file stand in the place of.

    Args:
        names: of tensors in the file.
        architecture, meta, shapes: of the model, as `AdapterBase` has them.

    Raises:
        UnsupportedModelError: the model has no such tensor, or one of another shape.
    """
    if not names:
        return {}
    given = {
        name.removeprefix(_PREFIX): LazyTensor(file.spec(name), partial(file.array, name))
        for name in names
        if name.startswith(_PREFIX)
    }
    folder = TensorsAlone(file.path, given)
    known, n_layers = set[str](), max(meta.get("block_count", 0), meta.get("decoder_block_count", 0))
    for form in hf_forms(architecture):
        tensors, used = gguf_tensors(folder, _of_one_source(form.tensors), n_layers, meta, form.prefix)
        if len(used) == len(names):
            _check(tensors, shapes, file)
            return tensors
        known |= used
    unknown = min(set(names) - {_PREFIX + name for name in known}, default=min(names))
    raise UnsupportedModelError(
        f"{file.path}: tensor {unknown} is none of a linear layer's two factors, nor one that this {architecture} "
        "model has"
    )


def _of_one_source(rules: Mapping[str, TensorRule]) -> dict[str, TensorRule]:
    """Those that do not make a tensor of several, as of all experts."""
    kept = {
        name: tuple(one for one in alternatives(rule) if not isinstance(one, GatheringRule))
        for name, rule in rules.items()
    }
    return {name: rule for name, rule in kept.items() if rule}


def _check(tensors: Mapping[str, LazyTensor], shapes: Mapping[str, tuple[int, ...]], file: SafetensorsFile) -> None:
    for name, tensor in tensors.items():
        wanted = shapes.get(name, shapes.get(_EMBEDDING) if name == _HEAD else None)
        shape = tensor.spec.shape
        if wanted not in (shape, shape[1:] if shape[:1] == (1,) else shape):
            found = "has none" if wanted is None else f"has one of {list(wanted)}"
            raise UnsupportedModelError(f"{file.path}: it has {name} of shape {list(shape)}, but this model {found}")
