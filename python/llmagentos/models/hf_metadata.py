"""What the configurations of most families have in common, as GGUF's metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

# GGUF's keys of the norms' epsilon.
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


@dataclass(frozen=True, slots=True)
class SizeFields:
    """Which fields of a configuration say what.

    Attributes:
        context, width, layers, hidden, heads: sizes; `hidden` is that inside the MLPs, None where no field says it.
        eps: of the norms; None where no field says it.
    """

    context: str = "max_position_embeddings"
    width: str = "hidden_size"
    layers: str = "num_hidden_layers"
    hidden: str | None = "intermediate_size"
    heads: str = "num_attention_heads"
    eps: str | None = "layer_norm_eps"


GPT2_FIELDS = SizeFields("n_positions", "n_embd", "n_layer", "n_inner", "n_head", "layer_norm_epsilon")


def sizes_metadata(
    config: HfConfig,
    fields: SizeFields,
    *,
    eps: float = 1e-5,
    norm: Literal["rms", "layer"] = "layer",
    is_four_times: bool = False,
) -> dict[str, Any]:
    """What every model has.

    Args:
        eps: of the norms where the configuration has none.
        norm: which kind they are.
        is_four_times: whether MLPs are four times as wide as the model where the configuration does not say.
    """
    width = config.integer(fields.width, low=1)
    usual = {"default": 4 * width} if is_four_times else {}
    return {
        "context_length": config.integer(fields.context, low=1),
        "embedding_length": width,
        "block_count": config.integer(fields.layers, low=1),
        "feed_forward_length": 4 * width if fields.hidden is None else config.integer(fields.hidden, low=1, **usual),
        "attention.head_count": config.integer(fields.heads, low=1),
        _EPSILON[norm]: eps if fields.eps is None else config.number(fields.eps, eps),
        "vocab_size": config.integer("vocab_size", low=1),
    }


def activation_metadata(config: HfConfig, field: str, default: str) -> dict[str, Any]:
    """The activation of the MLPs.

    Args:
        default: transformers' word for it where the configuration has none.
    """
    return {"hidden_activation": config.choice(field, ACTIVATIONS, default)}


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
    made = sizes_metadata(config, SizeFields(eps=f"{norm}_norm_eps"), eps=eps, norm=norm)
    n_heads = made["attention.head_count"]
    head_dim = config.integer("head_dim", made["embedding_length"] // n_heads, low=1)
    return made | {
        "attention.head_count_kv": config.integer("num_key_value_heads", n_heads, low=1),
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        **(rope_metadata(config, head_dim) if has_rope else {}),
    }


def encoder_metadata(
    config: HfConfig,
    fields: SizeFields | None = None,
    *,
    activation_field: str = "hidden_act",
    activation: str = "gelu",
) -> dict[str, Any]:
    """Of an encoder in BERT's shape.

    Args:
        fields: None for BERT's.
        activation: where the configuration has none.
    """
    config.expect("is_decoder", False)
    config.expect("add_cross_attention", False)
    config.expect("position_embedding_type", "absolute")
    config.ignore("gradient_checkpointing", "output_past", "adapters")
    return {
        **sizes_metadata(config, fields or SizeFields(), eps=1e-12),
        **activation_metadata(config, activation_field, activation),
        "attention.causal": False,
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
