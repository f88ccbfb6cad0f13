"""OLMo 2 and 3 (Allen Institute for AI, 2025): norms after attention and MLP only, and of all q and k at once.

OLMo 3 adds windows in three of four layers, which keep the plain rotation where the others' is scaled.
"""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_rope import two_ropes_metadata
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    rope, windows = rope_params(checkpoint, parts.head_dim), layer_windows(parts, default_every=4)
    base = parts.meta.number("rope.freq_base_swa", parts.meta.number("rope.freq_base", 10000.0))
    local_rope = rope_params(checkpoint, parts.head_dim, base=base)

    x = parts.embed()
    for i in range(parts.n_layers):
        a = parts.attention(x, i, rope=local_rope if windows[i] else rope, window=windows[i])
        x = g.add(x, parts.norm(a, f"blk.{i}.post_attention_norm"))
        x = g.add(x, parts.norm(parts.gated_mlp(x, i, "silu"), f"blk.{i}.post_ffw_norm"))
    g.set_output(parts.logits(x))


def _olmo2_metadata(config: HfConfig) -> dict[str, Any]:
    return decoder_metadata(config, eps=1e-5)


def _olmo3_metadata(config: HfConfig) -> dict[str, Any]:
    config.assume("sliding_window", 4096, unless_null=True)
    made = decoder_metadata(config, has_rope=False, eps=1e-5)
    ropes = two_ropes_metadata(config, made["attention.key_length"], 500000.0, None)
    return made | ropes | window_metadata(config, [(i + 1) % 4 != 0 for i in range(made["block_count"])])


_PRE_NORMS = ("blk.{i}.attn_norm.weight", "blk.{i}.ffn_norm.weight")
_TENSORS = {name: source for name, source in DECODER_TENSORS.items() if name not in _PRE_NORMS} | {
    "blk.{i}.attn_q_norm.weight": "model.layers.{i}.self_attn.q_norm.weight",
    "blk.{i}.attn_k_norm.weight": "model.layers.{i}.self_attn.k_norm.weight",
    "blk.{i}.post_attention_norm.weight": "model.layers.{i}.post_attention_layernorm.weight",
    "blk.{i}.post_ffw_norm.weight": "model.layers.{i}.post_feedforward_layernorm.weight",
}

FAMILY = Family(
    build,
    gguf=("olmo2",),
    head_norms=("olmo2",),
    hf={
        "Olmo2ForCausalLM": HfForm("olmo2", _olmo2_metadata, _TENSORS),
        "Olmo3ForCausalLM": HfForm("olmo2", _olmo3_metadata, _TENSORS),
    },
)
