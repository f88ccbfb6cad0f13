"""Gemma 3, text (Gemma Team, 2025): five sliding-window layers to each global one, norms before and after."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, rope_scaling_metadata, window_metadata
from llmagentos.models.hf_tensors import PlusOne
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params

_GLOBAL_EVERY = 6
_LOCAL_ROPE_BASE = 10000.0


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names; the norms' +1 is in the file's weights already."""
    parts = Parts(checkpoint, g, head_dim=256)
    meta = parts.meta
    windows = parts.windows(default_every=_GLOBAL_EVERY)
    # Queries are scaled by the head size, except in the 27B model, which has 62 layers (query_pre_attn_scalar).
    usual = (parts.width / parts.n_heads if parts.n_layers == 62 else parts.head_dim) ** -0.5
    scale = meta.number("attention.scale", usual)
    global_rope = rope_params(checkpoint, parts.head_dim)
    local_rope = rope_params(checkpoint, parts.head_dim, base=meta.number("rope.freq_base_swa", _LOCAL_ROPE_BASE))

    x = g.scale(parts.embed(), parts.width**0.5)
    for i in range(parts.n_layers):
        rope = local_rope if windows[i] else global_rope
        h = parts.norm(x, f"blk.{i}.attn_norm")
        a = parts.attention(h, i, rope=rope, scale=scale, window=windows[i])
        x = g.add(x, parts.norm(a, f"blk.{i}.post_attention_norm"))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        f = parts.gated_mlp(h, i, "gelu_tanh")
        x = g.add(x, parts.norm(f, f"blk.{i}.post_ffw_norm"))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("attn_logit_softcapping", None)
    config.expect("final_logit_softcapping", None)
    config.expect("use_bidirectional_attention", False)
    ropes = config.get("rope_parameters", {})
    by_type = ropes if "full_attention" in ropes else {}
    local = by_type.get("sliding_attention", {}).get(
        "rope_theta", config.number("rope_local_base_freq", _LOCAL_ROPE_BASE)
    )
    made = decoder_metadata(config, activation="gelu_pytorch_tanh", has_rope=not by_type)
    if by_type:
        made |= rope_scaling_metadata(config, by_type["full_attention"], made["attention.key_length"], 1e6)
    every = config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", _GLOBAL_EVERY))
    windows = window_metadata(config, [(i + 1) % every != 0 for i in range(made["block_count"])])
    return (
        made
        | windows
        | {
            "attention.scale": float(config.number("query_pre_attn_scalar")) ** -0.5,
            "rope.freq_base_swa": float(local),
        }
    )


_LAYER = "model.layers.{i}."
_TENSORS = DECODER_TENSORS | {
    "output_norm.weight": PlusOne("model.norm.weight"),
    "blk.{i}.attn_norm.weight": PlusOne(_LAYER + "input_layernorm.weight"),
    "blk.{i}.attn_q_norm.weight": PlusOne(_LAYER + "self_attn.q_norm.weight"),
    "blk.{i}.attn_k_norm.weight": PlusOne(_LAYER + "self_attn.k_norm.weight"),
    "blk.{i}.post_attention_norm.weight": PlusOne(_LAYER + "post_attention_layernorm.weight"),
    "blk.{i}.ffn_norm.weight": PlusOne(_LAYER + "pre_feedforward_layernorm.weight"),
    "blk.{i}.post_ffw_norm.weight": PlusOne(_LAYER + "post_feedforward_layernorm.weight"),
}

FAMILY = Family(build, gguf=("gemma3",), hf={"Gemma3ForCausalLM": HfForm("gemma3", _metadata, _TENSORS, is_tied=True)})
