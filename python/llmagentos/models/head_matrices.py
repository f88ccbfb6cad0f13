"""Weights that GGUF files have as a matrix for each head, as the one matrix that a product takes.

llama.cpp's files of DeepSeek's models have `attn_v_b` [heads, elements, rank], and `attn_k_b` turned, [heads, rank,
elements]. To turn the latter its values are decoded, so that it is float32 in memory.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import LazyTensor, LazyTensors, Tensors, TensorSpec, decoded

KEYS, VALUES = "attn_k_b.weight", "attn_v_b.weight"


def flat_heads(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with these as matrices [heads * elements, rank]; itself where it has none."""
    tensors, made, is_any = checkpoint.tensors, dict[str, LazyTensor](), False
    for name in tensors.names():
        spec = tensors.spec(name)
        if spec is None:
            continue
        made[name] = LazyTensor(spec, partial(tensors.blocks, name))
        if len(spec.shape) != 3 or not name.endswith((KEYS, VALUES)):
            continue
        is_any = True
        if name.endswith(VALUES):
            flat = TensorSpec(spec.dtype, (spec.shape[0] * spec.shape[1], spec.shape[2]))
            made[name] = LazyTensor(flat, partial(tensors.blocks, name))
        else:
            flat = TensorSpec("F32", (spec.shape[0] * spec.shape[2], spec.shape[1]))
            made[name] = LazyTensor(flat, partial(_turned, tensors, name))
    return replace(checkpoint, tensors=LazyTensors(made)) if is_any else checkpoint


def _turned(tensors: Tensors, name: str) -> NDArray[np.float32]:
    return np.ascontiguousarray(decoded(tensors, name).swapaxes(1, 2))
