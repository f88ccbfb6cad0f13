"""What a checkpoint says of its rotary positions."""

from __future__ import annotations

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint


def position_scale(checkpoint: Checkpoint) -> float:
    """The factor on positions: 1, or 1/factor for linear scaling, which a factor without a type means.

    Raises:
        UnsupportedModelError: a scaling of another kind.
    """
    meta = checkpoint.metadata
    kind = meta.string("rope.scaling.type", "linear")
    factor = meta.number("rope.scaling.factor", 1.0)
    if kind == "linear":
        return 1.0 / factor
    if kind != "none":
        raise UnsupportedModelError(f"{checkpoint.path}: RoPE scaling {kind!r} is not supported; none and linear are")
    return 1.0
