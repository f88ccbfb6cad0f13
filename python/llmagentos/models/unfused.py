"""GGUF files that hold several projections in one tensor, as if each had its own: a graph then has one form.

llama.cpp's files have queries, keys and values one after the other in `attn_qkv`, whatever order the model had them in
before, and Phi 3's have an MLP's gate and what it multiplies in `ffn_up`. Rows lie one after the other in every weight
format, so a part is a piece of the mapped bytes. What is read this way stays mapped after it is packed: its pages count
until the system needs the memory.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import LazyTensor, LazyTensors, Tensors, TensorSpec

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


def _parts(checkpoint: Checkpoint, name: str, spec: TensorSpec) -> dict[str, int]:
    """The names of the tensors that one holds, in order, and their rows; nothing for one that is not fused."""
    match, meta = _FUSED.fullmatch(name), checkpoint.metadata
    if match is None or not spec.shape:
        return {}
    block, fused, kind = match.groups()
    if fused == "ffn_up":
        hidden = meta.integer("feed_forward_length")
        is_fused = spec.shape[0] == 2 * hidden and not checkpoint.has_tensor(f"{block}ffn_gate.weight")
        return {f"{block}{part}.{kind}": hidden for part in ("ffn_gate", "ffn_up")} if is_fused else {}
    n_heads = meta.integer("attention.head_count")
    n_kv_heads = meta.integer("attention.head_count_kv", n_heads)
    size = meta.integer("attention.key_length", meta.integer("embedding_length") // n_heads)
    heads = {"attn_q": n_heads, "attn_k": n_kv_heads, "attn_v": n_kv_heads}
    return {f"{block}{part}.{kind}": n * size for part, n in heads.items()}


def _piece(tensors: Tensors, name: str, begin: int, n_bytes: int) -> NDArray[np.uint8]:
    return tensors.blocks(name)[begin : begin + n_bytes]
