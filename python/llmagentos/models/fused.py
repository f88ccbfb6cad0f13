"""Tensors that hold several projections: GGUF files have them in some families, graphs have one tensor for each.

llama.cpp's files have queries, keys and values one after the other in `attn_qkv`, whatever order the model had them in
before, and Phi 3's have an MLP's gate and what it multiplies in `ffn_up`. Rows lie one after the other in every weight
format, so a part is a piece of the whole's bytes. Gemma 3n's have stacks of matrices [n, rows, columns], which are here
`NAME.0.weight`, `NAME.1.weight` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import LazyTensor, LazyTensors, Tensors, TensorSpec

_QKV: dict[str, tuple[str, ...]] = {"attn_qkv": ("attn_q", "attn_k", "attn_v")}
_GATE_UP: dict[str, tuple[str, ...]] = {"ffn_up": ("ffn_gate", "ffn_up")}
# By architecture: the tensors that its GGUF files have, and their parts. llama.cpp's own versions differ in which of
# them they read in parts, too.
FUSED: dict[str, Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("bloom", "falcon", "gpt2", "gptneox", "mpt", "nomic-bert", "starcoder"), _QKV),
    **dict.fromkeys(("modern-bert", "phi3"), _QKV | _GATE_UP),
}
# By architecture: the tensors that are stacks of matrices.
STACKS: dict[str, tuple[str, ...]] = {"gemma3n": ("altup_proj", "altup_unembd_proj")}
MOST_STACKED = 16  # bounds the names that are made, or looked for
_FUSED = re.compile(r"(blk\.\d+\.)(attn_qkv|ffn_up)\.(weight|bias)")


def unfused(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with the parts of its fused tensors; itself where it has none.

    Raises:
        UnsupportedModelError: a fused tensor's rows are not those of its parts.
    """
    tensors, made, is_any = checkpoint.tensors, dict[str, LazyTensor](), False
    for name in tensors.names():
        spec = tensors.spec(name)
        if spec is None:
            continue
        if _is_stack(checkpoint.architecture, name, spec):
            is_any, size = True, spec.n_bytes // spec.shape[0]
            for index in range(spec.shape[0]):
                piece = partial(_piece, tensors, name, index * size, size)
                made[_in_stack(name, index)] = LazyTensor(TensorSpec(spec.dtype, spec.shape[1:]), piece)
            continue
        parts = _parts(checkpoint, name, spec)
        if not parts:
            made[name] = LazyTensor(spec, partial(tensors.blocks, name))
            continue
        is_any = True
        if sum(parts.values()) != spec.shape[0]:
            raise UnsupportedModelError(
                f"{checkpoint.path}: tensor {name} has {spec.shape[0]} rows, its parts have {list(parts.values())}"
            )
        begin, row_bytes = 0, spec.n_bytes // spec.shape[0]
        for part, n_rows in parts.items():
            part_spec = TensorSpec(spec.dtype, (n_rows, *spec.shape[1:]))
            made[part] = LazyTensor(part_spec, partial(_piece, tensors, name, begin * row_bytes, part_spec.n_bytes))
            begin += n_rows
    return replace(checkpoint, tensors=LazyTensors(made)) if is_any else checkpoint


def fused(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its projections together wherever its architecture's GGUF files have them so.

    Parts of different formats stay by themselves.
    """
    tensors, made = checkpoint.tensors, dict[str, LazyTensor]()
    joined = joined_parts(tensors, checkpoint.architecture)
    whole_of = {part: whole for whole, parts in joined.items() for part in parts}
    for name in tensors.names():
        spec, whole = tensors.spec(name), whole_of.get(name, name)
        if name in whole_of:
            made[whole] = made.get(whole) or _joined(tensors, whole, joined[whole])
        elif spec is not None:
            made[name] = LazyTensor(spec, partial(tensors.blocks, name))
    return replace(checkpoint, tensors=LazyTensors(made)) if joined else checkpoint


def joined_parts(tensors: Tensors, architecture: str) -> dict[str, list[str]]:
    """The names of an architecture's fused tensors whose parts are there, each with these in order."""
    found = dict[str, list[str]]()
    for whole, parts in FUSED.get(architecture, {}).items():
        first = re.compile(rf"(blk\.\d+\.){parts[0]}\.(weight|bias)")
        for match in filter(None, map(first.fullmatch, tensors.names())):
            names = [f"{match[1]}{part}.{match[2]}" for part in parts]
            specs = [spec for name in names if (spec := tensors.spec(name)) is not None]
            if len(specs) == len(names) and len({spec.dtype for spec in specs}) == 1:
                found[f"{match[1]}{whole}.{match[2]}"] = names
    for stack in STACKS.get(architecture, ()):
        names = list(takewhile(tensors.spec, (f"{stack}.{index}.weight" for index in range(MOST_STACKED))))
        if names and len({tensors.spec(name) for name in names}) == 1:
            found[f"{stack}.weight"] = names
    return found


def is_stack_of(whole: str, parts: Sequence[str]) -> bool:
    """Whether a tensor of `joined_parts` has its parts as matrices of their own, rather than as rows of one."""
    return parts[0] == _in_stack(whole, 0)


def _is_stack(architecture: str, name: str, spec: TensorSpec) -> bool:
    is_named = name.removesuffix(".weight") in STACKS.get(architecture, ())
    return is_named and len(spec.shape) == 3 and 0 < spec.shape[0] <= MOST_STACKED


def _in_stack(name: str, index: int) -> str:
    return f"{name.removesuffix('.weight')}.{index}.weight"


def _parts(checkpoint: Checkpoint, name: str, spec: TensorSpec) -> dict[str, int]:
    """The names of the tensors that one holds, in order, and their rows; nothing for one that is not fused."""
    match, meta = _FUSED.fullmatch(name), checkpoint.metadata
    if match is None or not spec.shape:
        return {}
    block, whole, kind = match.groups()
    if whole == "ffn_up":
        if checkpoint.has_tensor(f"{block}ffn_gate.weight"):
            return {}
        hidden = meta.integer("feed_forward_length")
        return {f"{block}{part}.{kind}": hidden for part in _GATE_UP[whole]} if spec.shape[0] == 2 * hidden else {}
    n_heads = meta.integer("attention.head_count")
    n_kv_heads = meta.integer("attention.head_count_kv", n_heads)
    size = meta.integer("attention.key_length", meta.integer("embedding_length") // n_heads)
    heads = zip(_QKV[whole], (n_heads, n_kv_heads, n_kv_heads), strict=True)
    return {f"{block}{part}.{kind}": n * size for part, n in heads}


def _joined(tensors: Tensors, whole: str, parts: Sequence[str]) -> LazyTensor:
    specs = [spec for part in parts if (spec := tensors.spec(part)) is not None]
    shape: tuple[int, ...] = (sum(spec.shape[0] for spec in specs), *specs[0].shape[1:])
    if is_stack_of(whole, parts):
        shape = (len(parts), *specs[0].shape)
    return LazyTensor(
        TensorSpec(specs[0].dtype, shape), lambda: np.concatenate([tensors.blocks(part) for part in parts])
    )


def _piece(tensors: Tensors, name: str, begin: int, n_bytes: int) -> NDArray[np.uint8]:
    return tensors.blocks(name)[begin : begin + n_bytes]
