"""The decoder that many families are: norm, attention, norm and gated MLP in every layer, with rotary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def pre_norm_decoder(
    checkpoint: Checkpoint,
    g: Graph,
    *,
    pairs: Literal["halves", "adjacent"] = "halves",
    rotates: Sequence[int] | None = None,
) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names.

    Args:
        pairs: which elements of a head rotate together, as the file has its q and k.
        rotates: for each layer, whether it has positions; None where all have.
    """
    parts = Parts(checkpoint, g)
    rope, windows = rope_params(checkpoint, parts.head_dim, pairs=pairs), parts.windows()

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i, rope=rope if rotates is None or rotates[i] else None, window=windows[i]))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.gated_mlp(h, i, "silu"))
    g.set_output(parts.logits(x))
