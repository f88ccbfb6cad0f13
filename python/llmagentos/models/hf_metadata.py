"""What the configurations of most families have in common, as GGUF's metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_rope import rope_metadata

# The decoder layers that Llama, Qwen, Gemma and others share.
DECODER_TENSORS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
    "blk.{i}.attn_norm.weight": "model.layers.{i}.input_layernorm.weight",
    "blk.{i}.attn_q.weight": "model.layers.{i}.self_attn.q_proj.weight",
    "blk.{i}.attn_q.bias": "model.layers.{i}.self_attn.q_proj.bias",
    "blk.{i}.attn_k.weight": "model.layers.{i}.self_attn.k_proj.weight",
    "blk.{i}.attn_k.bias": "model.layers.{i}.self_attn.k_proj.bias",
    "blk.{i}.attn_v.weight": "model.layers.{i}.self_attn.v_proj.weight",
    "blk.{i}.attn_v.bias": "model.layers.{i}.self_attn.v_proj.bias",
    "blk.{i}.attn_output.weight": "model.layers.{i}.self_attn.o_proj.weight",
    "blk.{i}.attn_output.bias": "model.layers.{i}.self_attn.o_proj.bias",
    "blk.{i}.ffn_norm.weight": "model.layers.{i}.post_attention_layernorm.weight",
    "blk.{i}.ffn_gate.weight": "model.layers.{i}.mlp.gate_proj.weight",
    "blk.{i}.ffn_gate.bias": "model.layers.{i}.mlp.gate_proj.bias",
    "blk.{i}.ffn_up.weight": "model.layers.{i}.mlp.up_proj.weight",
    "blk.{i}.ffn_up.bias": "model.layers.{i}.mlp.up_proj.bias",
    "blk.{i}.ffn_down.weight": "model.layers.{i}.mlp.down_proj.weight",
    "blk.{i}.ffn_down.bias": "model.layers.{i}.mlp.down_proj.bias",
}

_EPSILON = {"rms": "attention.layer_norm_rms_epsilon", "layer": "attention.layer_norm_epsilon"}

# transformers' names of activations, of which several are spellings of one.
ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "gelu_sigmoid",
    "relu": "relu",
    "relu2": "relu_squared",
    "tanh": "tanh",
}


def decoder_metadata(
    config: HfConfig,
    *,
    activations: tuple[str, ...] = ("silu", "swish"),
    has_rope: bool = True,
    norm: Literal["rms", "layer"] = "rms",
    eps: float = 1e-6,
) -> dict[str, Any]:
    """Of a decoder in Llama's shape.

    Args:
        activations: transformers' words for the only one its architecture has.
        has_rope: whether one rotation serves all layers, which is then read, too.
        norm: which kind its norms are.
        eps: of the norms where the configuration has none.
    """
    config.expect("hidden_act", *activations)
    config.expect("hidden_activation", *activations)
    config.ignore("attention_bias", "mlp_bias")  # the tensors say
    width, n_heads = config.integer("hidden_size", low=1), config.integer("num_attention_heads", low=1)
    head_dim = config.integer("head_dim", width // n_heads, low=1)
    return {
        "context_length": config.integer("max_position_embeddings", low=1),
        "embedding_length": width,
        "block_count": config.integer("num_hidden_layers"),
        "feed_forward_length": config.integer("intermediate_size"),
        "attention.head_count": n_heads,
        "attention.head_count_kv": config.integer("num_key_value_heads", n_heads, low=1),
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        _EPSILON[norm]: config.number(f"{norm}_norm_eps", eps),
        "vocab_size": config.integer("vocab_size"),
        **(rope_metadata(config, head_dim) if has_rope else {}),
    }


def encoder_metadata(config: HfConfig, default_activation: str = "gelu") -> dict[str, Any]:
    """Of an encoder in BERT's shape."""
    config.expect("is_decoder", False)
    config.expect("add_cross_attention", False)
    config.expect("position_embedding_type", "absolute")
    config.ignore("gradient_checkpointing", "output_past", "adapters")
    return {
        "context_length": config.integer("max_position_embeddings", low=1),
        "embedding_length": config.integer("hidden_size", low=1),
        "block_count": config.integer("num_hidden_layers", low=1),
        "feed_forward_length": config.integer("intermediate_size", low=1),
        "attention.head_count": config.integer("num_attention_heads", low=1),
        "attention.layer_norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "attention.causal": False,
        "hidden_activation": config.choice("hidden_act", ACTIVATIONS, default_activation),
        "vocab_size": config.integer("vocab_size", low=1),
    }


def window_metadata(config: HfConfig, default: Sequence[bool], field: str = "sliding_window") -> dict[str, Any]:
    """Of sliding windows; nothing where no layer has one.

    Args:
        default: which layers have one where no `layer_types` say so.
        field: that says how many tokens it has.

    Raises:
        UnsupportedModelError: layers of a third kind.
    """
    window, kinds = config.integer(field, None), config.strings("layer_types", None)
    if kinds is not None and not {"sliding_attention", "full_attention"} >= set(kinds):
        raise UnsupportedModelError(f"{config.path}: layer_types={kinds!r} is not supported for this model")
    flags = list(default) if kinds is None else [kind == "sliding_attention" for kind in kinds]
    if window is None or not any(flags):
        return {}
    return {"attention.sliding_window": window, "attention.sliding_window_pattern": flags}
