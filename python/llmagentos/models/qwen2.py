"""Qwen 2, 2.5 (Yang et al., 2024) and 3, dense: Llama's shape, with biases of q, k and v or norms of q and k."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    rope = rope_params(checkpoint, parts.meta.integer("rope.dimension_count", parts.head_dim))
    window = parts.meta.integer("attention.sliding_window", 0, low=0)
    # Layers from this one on see a window only; the files of llama.cpp have neither key.
    first_windowed = parts.meta.integer("attention.first_sliding_window_layer", 0, low=0)

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i, rope=rope, window=window if i >= first_windowed else 0))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.gated_mlp(h, i, "silu"))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    made = decoder_metadata(config)
    uses_window = config.flag("use_sliding_window", False)
    window, first = config.integer("sliding_window", 0), config.integer("max_window_layers", 0)
    config.ignore("layer_types")  # says the same, layer by layer
    if uses_window and window:
        made |= {"attention.sliding_window": window, "attention.first_sliding_window_layer": first}
    return made


_TENSORS = DECODER_TENSORS | {
    "blk.{i}.attn_q_norm.weight": "model.layers.{i}.self_attn.q_norm.weight",
    "blk.{i}.attn_k_norm.weight": "model.layers.{i}.self_attn.k_norm.weight",
}

FAMILY = Family(
    build,
    gguf=("qwen2", "qwen3"),
    hf={
        "Qwen2ForCausalLM": HfForm("qwen2", _metadata, _TENSORS),
        "Qwen3ForCausalLM": HfForm("qwen3", _metadata, _TENSORS),
    },
)
