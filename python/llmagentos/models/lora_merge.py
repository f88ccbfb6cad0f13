"""A model with an adapter in its weights."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec, decoded
from llmagentos.models.lora import EMBEDDING, HEAD, Adapter, LowRank, Matrix


def merged(checkpoint: Checkpoint, adapter: Adapter) -> Checkpoint:
    """The checkpoint with the adapter in its weights; those that it changes are float32 then.

    A tied head becomes one of its own where the adapter has another.

    Args:
        adapter: what `read_adapter` gives for it.
    """
    tensors, made = checkpoint.tensors, dict[str, LazyTensor]()
    for name in tensors.names():
        spec = tensors.spec(name)
        if spec is not None:
            made[name] = LazyTensor(spec, partial(tensors.blocks, name))
    if EMBEDDING in adapter.saved and HEAD not in made:
        made[HEAD] = made[EMBEDDING]  # what the model has stays with the head
    for name, change in adapter.changes.items():
        spec = TensorSpec("F32", (len(change.b), change.a.shape[1]))
        target = HEAD if name == EMBEDDING else name
        made[target] = LazyTensor(spec, partial(_sum, checkpoint, name, change, adapter.lengths.get(name)))
    return replace(checkpoint, tensors=LazyTensors(made | adapter.saved))


def _sum(checkpoint: Checkpoint, name: str, change: LowRank, lengths: Matrix | None) -> Matrix:
    """In the rows' own lengths, or in those that DoRA gives them."""
    weight: Matrix = decoded(checkpoint.tensors, name) + change.b @ change.a
    if lengths is not None:
        weight *= (lengths / np.linalg.norm(weight, axis=-1))[:, np.newaxis]
    return weight
