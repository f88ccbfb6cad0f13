"""BLOOM (BigScience, 2022): ALiBi, a norm after the embedding, layer norms and biases throughout."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.alibi import alibi_slopes
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, sizes_metadata
from llmagentos.models.hf_tensors import fused_qkv, grouped_qkv, with_biases
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Parts

_FIELDS = SizeFields("seq_length", "n_embed", "n_layer", None, "n_head", "layer_norm_epsilon")
_TRAINED_LENGTH = 2048  # of all published models, most of whose configurations do not say


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    slopes = alibi_slopes(parts.n_heads)

    x = norms_before(
        parts,
        parts.norm(parts.embed(), "token_embd_norm"),
        lambda h, i: parts.attention(h, i, alibi_slopes=slopes),
        lambda h, i: parts.mlp(h, i, "gelu_tanh"),
    )
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.alias("n_embed", "hidden_size")
    config.alias("n_head", "num_attention_heads")
    config.alias("n_layer", "num_hidden_layers")
    config.assume("seq_length", _TRAINED_LENGTH)
    made = sizes_metadata(config, _FIELDS)
    config.expect("n_inner", made["feed_forward_length"])
    config.expect("apply_residual_connection_post_layernorm", False)
    config.expect("slow_but_exact", False)  # which leaves a bias out
    # How it was trained and run, and a shift of all positions, which ALiBi does not see.
    config.ignore("attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion", "offset_alibi")
    config.ignore("skip_bias_add", "skip_bias_add_qkv")
    return made


_LAYER = "transformer.h.{i}."
_TENSORS = {
    "token_embd.weight": "transformer.word_embeddings.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {
            "token_embd_norm": "transformer.word_embeddings_layernorm",
            "output_norm": "transformer.ln_f",
            "blk.{i}.attn_norm": _LAYER + "input_layernorm",
            "blk.{i}.attn_output": _LAYER + "self_attention.dense",
            "blk.{i}.ffn_norm": _LAYER + "post_attention_layernorm",
            "blk.{i}.ffn_up": _LAYER + "mlp.dense_h_to_4h",
            "blk.{i}.ffn_down": _LAYER + "mlp.dense_4h_to_h",
        }
    ),
    **fused_qkv(_LAYER + "self_attention.query_key_value", grouped_qkv),
}

FAMILY = Family(
    build,
    gguf=("bloom",),
    hf={"BloomForCausalLM": HfForm("bloom", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
