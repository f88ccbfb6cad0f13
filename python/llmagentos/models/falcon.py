"""Falcon (Almazrouei et al., 2023): attention and MLP side by side, few key heads; the first models have ALiBi."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.alibi import USUAL_MAX_BIAS, alibi_slopes
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, activation_metadata, sizes_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import TensorRule, fused_qkv, grouped_qkv, with_biases
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params

_FIELDS = SizeFields(width="n_embed", hidden="ffn_hidden_size", eps="layer_norm_epsilon")


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names.

    With two norms in a layer, attn_norm is the MLP's and attn_norm_2 that of attention, as llama.cpp has it.
    """
    parts = Parts(checkpoint, g)
    meta = parts.meta
    activation = parts.activation_named("hidden_activation", "gelu")
    is_parallel = meta.flag("use_parallel_residual", True)
    max_bias = meta.number("attention.max_alibi_bias", None)
    # Falcon scales a score after the bias was added. (It rounds biases to bfloat16, too, which no slope can say.)
    slopes = [] if max_bias is None else [s * parts.head_dim**-0.5 for s in alibi_slopes(parts.n_heads, max_bias)]
    rope = rope_params(checkpoint, parts.head_dim) if max_bias is None else None

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        has_two = parts.has(f"blk.{i}.attn_norm_2.weight")
        a = parts.attention(parts.norm(x, f"blk.{i}.attn_norm_2") if has_two else h, i, rope=rope, alibi_slopes=slopes)
        x = g.add(x, a)
        if not is_parallel:
            h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.mlp(h, i, activation))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.alias("n_embed", "hidden_size")
    config.assume("max_position_embeddings", 2048)
    is_new = config.flag("new_decoder_architecture", False)
    is_parallel = config.flag("parallel_attn", True)
    if is_new:
        config.expect("parallel_attn", True)
    # Two norms are the new layers' default, and the others have no place for them.
    config.expect("num_ln_in_parallel_attn", *((2, 1) if is_new else (1,)))
    config.expect("apply_residual_connection_post_layernorm", False)
    config.ignore("bias", "ff_factor")  # the tensors say, and ffn_hidden_size does
    made = sizes_metadata(config, _FIELDS, is_four_times=True)
    n_heads = made["attention.head_count"]
    n_groups, is_multi_query = config.integer("num_kv_heads", n_heads, low=1), config.flag("multi_query", True)
    made |= {
        **activation_metadata(config, "activation", "gelu"),
        "use_parallel_residual": is_parallel,
        "attention.head_count_kv": n_groups if is_new else 1 if is_multi_query else n_heads,
    }
    if config.flag("alibi", False):
        config.ignore("rope_parameters", "rope_scaling", "rope_theta")
        return made | {"attention.max_alibi_bias": USUAL_MAX_BIAS}
    return made | rope_metadata(config, made["embedding_length"] // n_heads)


_LAYER = "transformer.h.{i}."
_NORMS: dict[str, TensorRule] = {
    f"blk.{{i}}.attn_norm.{kind}": (f"{_LAYER}input_layernorm.{kind}", f"{_LAYER}ln_mlp.{kind}")
    for kind in ("weight", "bias")
}
_TENSORS = {
    "token_embd.weight": "transformer.word_embeddings.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {
            "output_norm": "transformer.ln_f",
            "blk.{i}.attn_norm_2": _LAYER + "ln_attn",
            "blk.{i}.attn_output": _LAYER + "self_attention.dense",
            "blk.{i}.ffn_norm": _LAYER + "post_attention_layernorm",
            "blk.{i}.ffn_up": _LAYER + "mlp.dense_h_to_4h",
            "blk.{i}.ffn_down": _LAYER + "mlp.dense_4h_to_h",
        }
    ),
    **_NORMS,
    **fused_qkv(_LAYER + "self_attention.query_key_value", grouped_qkv),
}

FAMILY = Family(
    build,
    gguf=("falcon",),
    hf={"FalconForCausalLM": HfForm("falcon", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
