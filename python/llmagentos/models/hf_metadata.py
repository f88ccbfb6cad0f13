"""What the configurations of most families have in common, as GGUF's metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.hf_config import HfConfig

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


def decoder_metadata(config: HfConfig, *, activation: str = "silu", has_rope: bool = True) -> dict[str, Any]:
    """Of a decoder in Llama's shape.

    Args:
        activation: the only one its architecture has, in transformers' words.
        has_rope: whether one rotation serves all layers, which is then read, too.
    """
    config.expect("hidden_act", activation)
    config.expect("hidden_activation", activation)
    config.ignore("attention_bias", "mlp_bias")  # the tensors say
    width, n_heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    head_dim = config.integer("head_dim", width // n_heads)
    return {
        "context_length": config.integer("max_position_embeddings"),
        "embedding_length": width,
        "block_count": config.integer("num_hidden_layers"),
        "feed_forward_length": config.integer("intermediate_size"),
        "attention.head_count": n_heads,
        "attention.head_count_kv": config.integer("num_key_value_heads", n_heads),
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        "attention.layer_norm_rms_epsilon": config.number("rms_norm_eps", 1e-6),
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
        "context_length": config.integer("max_position_embeddings"),
        "embedding_length": config.integer("hidden_size"),
        "block_count": config.integer("num_hidden_layers"),
        "feed_forward_length": config.integer("intermediate_size"),
        "attention.head_count": config.integer("num_attention_heads"),
        "attention.layer_norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "attention.causal": False,
        "hidden_activation": config.choice("hidden_act", ACTIVATIONS, default_activation),
        "vocab_size": config.integer("vocab_size"),
    }


def window_metadata(config: HfConfig, default: Sequence[bool]) -> dict[str, Any]:
    """Of sliding windows; nothing where no layer has one.

    Args:
        default: which layers have one where no `layer_types` say so.

    Raises:
        UnsupportedModelError: layers of a third kind.
    """
    window, kinds = config.integer("sliding_window", None), config.get("layer_types")
    if kinds is not None and not {"sliding_attention", "full_attention"} >= set(kinds):
        raise UnsupportedModelError(f"{config.path}: layer_types={kinds!r} is not supported for this model")
    flags = list(default) if kinds is None else [kind == "sliding_attention" for kind in kinds]
    if window is None or not any(flags):
        return {}
    return {"attention.sliding_window": window, "attention.sliding_window_pattern": flags}


def rope_metadata(config: HfConfig, head_dim: int, default_base: float = 10000.0) -> dict[str, Any]:
    """Of rotary positions, in the form of transformers 5 (rope_parameters) or the one before it.

    Raises:
        UnsupportedModelError: a kind of scaling, or a parameter of one, that this build does not have.
    """
    given = dict(config.get("rope_scaling") or {}) | dict(config.get("rope_parameters") or {})
    given = {key: value for key, value in given.items() if value is not None}
    base = config.number("rope_theta", default_base)
    return rope_scaling_metadata(config, given, head_dim, base)


def rope_scaling_metadata(
    config: HfConfig, given: dict[str, Any], head_dim: int, default_base: float
) -> dict[str, Any]:
    """The metadata of one set of rotary parameters; what it has of factors for each pair is under "rope.factors"."""
    given = dict(given)
    kind = given.pop("rope_type", given.pop("type", "default"))
    given.pop("type", None)
    share = given.pop("partial_rotary_factor", config.get("partial_rotary_factor", 1.0))
    n_dims = int(head_dim * share)
    made: dict[str, Any] = {
        "rope.freq_base": float(given.pop("rope_theta", default_base)),
        "rope.dimension_count": n_dims,
    }
    # An older place for it, which wins where both are there.
    trained = config.get("original_max_position_embeddings", given.pop("original_max_position_embeddings", None))
    given.pop("original_max_position_embeddings", None)
    if kind == "default":
        pass
    elif kind in ("linear", "dynamic", "yarn", "longrope", "su"):
        made["rope.scaling.type"] = "longrope" if kind == "su" else kind
        made["rope.scaling.factor"] = float(given.pop("factor", 1.0))
        if trained is not None:
            made["rope.scaling.original_context_length"] = int(trained)
    if kind == "yarn":
        made |= _yarn_metadata(given, made["rope.scaling.factor"])
    elif kind in ("longrope", "su"):
        for name in ("long_factor", "short_factor"):
            made[f"rope.{name}"] = np.array(given.pop(name), np.float32)
        if "attention_factor" in given:
            made["rope.scaling.attn_factor"] = float(given.pop("attention_factor"))
    elif kind == "llama3":
        made["rope.factors"] = _llama3_factors(made["rope.freq_base"], n_dims, given, int(trained or 0))
        given.clear()
    elif kind not in ("default", "linear", "dynamic"):
        raise UnsupportedModelError(f"{config.path}: RoPE scaling {kind!r} is not supported")
    if given:
        raise UnsupportedModelError(
            f"{config.path}: RoPE scaling {kind!r} with {', '.join(map(repr, given))} is not supported"
        )
    return made


def _yarn_metadata(given: dict[str, Any], factor: float) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, key in (("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow")):
        if name in given:
            made[f"rope.scaling.{key}"] = float(given.pop(name))
    if "truncate" in given:
        made["rope.scaling.yarn_truncate"] = bool(given.pop("truncate"))
    mscale, mscale_all = given.pop("mscale", None), given.pop("mscale_all_dim", None)
    if "attention_factor" in given:
        made["rope.scaling.attn_factor"] = float(given.pop("attention_factor"))
    elif mscale and mscale_all:
        made["rope.scaling.attn_factor"] = _yarn_scale(factor, mscale) / _yarn_scale(factor, mscale_all)
    return made


def _yarn_scale(factor: float, mscale: float) -> float:
    return float(0.1 * mscale * np.log(factor) + 1.0) if factor > 1 else 1.0


def _llama3_factors(base: float, n_dims: int, given: dict[str, Any], trained: int) -> Any:
    """Divisors of the frequencies: 1 for fast dimensions, `factor` for slow ones, a blend between (Llama 3.1)."""
    factor, low, high = (float(given[name]) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    frequencies = 1.0 / np.power(np.float32(base), np.arange(0, n_dims, 2, dtype=np.float32) / np.float32(n_dims))
    wavelengths = 2 * np.pi / frequencies
    smooth = (trained / wavelengths - low) / (high - low)
    blended = 1 / ((1 - smooth) / factor + smooth)
    factors = np.where(wavelengths > trained / low, factor, np.where(wavelengths < trained / high, 1.0, blended))
    return factors.astype(np.float32)
