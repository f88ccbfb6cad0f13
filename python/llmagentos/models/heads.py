"""What a checkpoint says of its attention heads."""

from __future__ import annotations

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint


def head_size(checkpoint: Checkpoint, default: int) -> int:
    """Elements of a query, key and value of one head.

    Raises:
        UnsupportedModelError: keys and values differ in size.
    """
    meta = checkpoint.metadata
    size = meta.integer("attention.key_length", default)
    value_size = meta.integer("attention.value_length", size)
    if value_size != size:
        raise UnsupportedModelError(
            f"{checkpoint.path}: heads with keys of {size} and values of {value_size} elements are not supported"
        )
    return size
