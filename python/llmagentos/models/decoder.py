"""The decoder that many families are: in every layer norm, attention, norm and MLP or experts; rotary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import feed_forward
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows


def pre_norm_decoder(
    checkpoint: Checkpoint,
    g: Graph,
    *,
    pairs: Literal["halves", "adjacent"] = "halves",
    rotates: Sequence[int] | None = None,
    query_scale: tuple[int, float, int] | None = None,
) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names.

    Args:
        pairs: which elements of a head rotate together, as the file has its q and k.
        rotates: for each layer, whether it has positions; None where all have.
        query_scale: as `Parts.attention` has it.
    """
    parts = Parts(checkpoint, g)
    rope, windows = rope_params(checkpoint, parts.head_dim, pairs=pairs), layer_windows(parts)

    def attend(h: int, i: int) -> int:
        turned = rope if rotates is None or rotates[i] else None
        return parts.attention(h, i, rope=turned, window=windows[i], query_scale=query_scale)

    x = norms_before(parts, parts.embed(), attend, lambda h, i: feed_forward(parts, h, i))
    g.set_output(parts.logits(x))
