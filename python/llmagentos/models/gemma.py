"""Gemma 1, 2 and 3, text (Gemma Team, 2024, 2025), and EmbeddingGemma, which sees what follows, too.

Gemma 2 adds norms after attention and MLP, bounds on scores and logits, and windows in every other layer; Gemma 3 has
norms of queries and keys in place of the bounds, five windowed layers to each global one, and a rotation for each kind.
"""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import PICTURES, Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_rope import two_ropes_metadata
from llmagentos.models.hf_tensors import PlusOne
from llmagentos.models.parts import Parts
from llmagentos.models.pooling import POOLING_TYPES
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows

_ENCODER = "gemma-embedding"
_GLOBAL_EVERY = {"gemma": 1, "gemma2": 2, "gemma3": 6, _ENCODER: 6}
# Queries are scaled by the head size, except in the largest models, which have this many layers.
_LARGEST = {"gemma": 0, "gemma2": 46, "gemma3": 62, _ENCODER: 0}
_LOCAL_ROPE_BASE = 10000.0
_GELU = ("gelu_pytorch_tanh",)


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names; the norms' +1 is in the file's weights already."""
    parts = Parts(checkpoint, g, head_dim=256)
    meta, kind = parts.meta, checkpoint.architecture
    windows, is_encoder = layer_windows(parts, default_every=_GLOBAL_EVERY[kind]), kind == _ENCODER
    if is_encoder:  # whose windows say how many tokens they have on both sides together
        parts.check_bidirectional()
        windows = [window // 2 + 1 if window else 0 for window in windows]
    usual = (parts.width / parts.n_heads if parts.n_layers == _LARGEST[kind] else parts.head_dim) ** -0.5
    scale = meta.number("attention.scale", usual)
    bounds = (50.0, 30.0) if kind == "gemma2" else (0.0, 0.0)
    score_bound = meta.number("attn_logit_softcapping", bounds[0], low=0)
    logit_bound = meta.number("final_logit_softcapping", bounds[1], low=0)
    global_rope = local_rope = rope_params(checkpoint, parts.head_dim)
    if kind in ("gemma3", _ENCODER):
        base = meta.number("rope.freq_base_swa", _LOCAL_ROPE_BASE)
        local_rope = rope_params(checkpoint, parts.head_dim, base=base)

    x = g.scale(parts.embed(), parts.width**0.5)
    for i in range(parts.n_layers):
        rope = local_rope if windows[i] else global_rope
        h = parts.norm(x, f"blk.{i}.attn_norm")
        a = parts.attention(h, i, rope=rope, scale=scale, causal=not is_encoder, window=windows[i], softcap=score_bound)
        x = g.add(x, a if kind == "gemma" else parts.norm(a, f"blk.{i}.post_attention_norm"))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        f = parts.gated_mlp(h, i, "gelu_tanh")
        x = g.add(x, f if kind == "gemma" else parts.norm(f, f"blk.{i}.post_ffw_norm"))
    g.set_output(parts.pooled(parts.norm(x, "output_norm")) if is_encoder else parts.logits(x, bound=logit_bound))


def _gemma1_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("use_bidirectional_attention", None, False)
    return decoder_metadata(config, activations=(*_GELU, "gelu"))  # the first releases' "gelu" means the same


def _gemma2_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("use_bidirectional_attention", None, False)
    for field, value in _USUAL_OF_GEMMA2.items():
        config.assume(field, value, unless_null=True)
    made = decoder_metadata(config, activations=_GELU)
    return made | {
        **window_metadata(config, [i % 2 == 0 for i in range(made["block_count"])]),
        "attention.scale": float(config.number("query_pre_attn_scalar", 256.0, low=1e-6)) ** -0.5,
        "attn_logit_softcapping": config.number("attn_logit_softcapping", 0.0),
        "final_logit_softcapping": config.number("final_logit_softcapping", 0.0),
    }


def _gemma3_metadata(config: HfConfig, is_encoder: bool = False) -> dict[str, Any]:
    config.assume("sliding_window", 4096, unless_null=True)
    config.expect("attn_logit_softcapping", None)
    config.expect("use_bidirectional_attention", *((True,) if is_encoder else (None, False)))
    made = decoder_metadata(config, activations=_GELU, has_rope=False)
    local_base = config.number("rope_local_base_freq", _LOCAL_ROPE_BASE)
    every = config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", 6, low=1), low=1)
    return made | {
        "final_logit_softcapping": config.number("final_logit_softcapping", 0.0),
        **window_metadata(config, [(i + 1) % every != 0 for i in range(made["block_count"])]),
        "attention.scale": float(config.number("query_pre_attn_scalar", low=1e-6)) ** -0.5,
        **two_ropes_metadata(config, made["attention.key_length"], 1e6, local_base),
    }


def _encoder_metadata(config: HfConfig) -> dict[str, Any]:
    made = _gemma3_metadata(config, is_encoder=True) | {"attention.causal": False}
    return made | {"pooling_type": POOLING_TYPES["mean"]}  # where sentence-transformers' files say nothing else


def _whole_metadata(config: HfConfig) -> dict[str, Any]:
    """Of a model that sees pictures, too: what its text part is, whose usual values config.json leaves out."""
    config.ignore("vision_config", "image_token_index", "boi_token_index", "eoi_token_index", "mm_tokens_per_image")
    text = HfConfig(config.path, config.object("text_config"))
    for field, value in _USUAL_OF_GEMMA3.items():
        text.assume(field, value)
    config.assume("tie_word_embeddings", text.flag("tie_word_embeddings", True))
    made = _gemma3_metadata(text)
    text.check_all_read()
    return made


_USUAL_OF_GEMMA2 = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window": 4096}
_USUAL_OF_GEMMA3 = {
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131072,
    "query_pre_attn_scalar": 256,
    "vocab_size": 262208,
}
_LAYER = "model.layers.{i}."
_GEMMA1 = DECODER_TENSORS | {
    "output_norm.weight": PlusOne("model.norm.weight"),
    "blk.{i}.attn_norm.weight": PlusOne(_LAYER + "input_layernorm.weight"),
    "blk.{i}.ffn_norm.weight": PlusOne(_LAYER + "post_attention_layernorm.weight"),
}
_GEMMA2 = _GEMMA1 | {
    "blk.{i}.post_attention_norm.weight": PlusOne(_LAYER + "post_attention_layernorm.weight"),
    "blk.{i}.ffn_norm.weight": PlusOne(_LAYER + "pre_feedforward_layernorm.weight"),
    "blk.{i}.post_ffw_norm.weight": PlusOne(_LAYER + "post_feedforward_layernorm.weight"),
}
_GEMMA3 = _GEMMA2 | {
    "blk.{i}.attn_q_norm.weight": PlusOne(_LAYER + "self_attn.q_norm.weight"),
    "blk.{i}.attn_k_norm.weight": PlusOne(_LAYER + "self_attn.k_norm.weight"),
}

FAMILY = Family(
    build,
    gguf=("gemma", "gemma2", "gemma3", _ENCODER),
    head_norms=("gemma3", _ENCODER),
    hf={
        "GemmaForCausalLM": HfForm("gemma", _gemma1_metadata, _GEMMA1, is_tied=True),
        "Gemma2ForCausalLM": HfForm("gemma2", _gemma2_metadata, _GEMMA2, is_tied=True),
        "Gemma3ForCausalLM": HfForm("gemma3", _gemma3_metadata, _GEMMA3, is_tied=True),
        "Gemma3TextModel": HfForm(_ENCODER, _encoder_metadata, _GEMMA3, is_tied=True),
        "Gemma3ForConditionalGeneration": HfForm(
            "gemma3",
            _whole_metadata,
            _GEMMA3,
            is_tied=True,
            prefix="language_model.",
            unused=PICTURES,
        ),
    },
)
