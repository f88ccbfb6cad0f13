"""MPT (MosaicML, 2023): ALiBi, no biases at all, projections whose magnitude may be bounded."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.alibi import USUAL_MAX_BIAS, alibi_slopes
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, sizes_metadata
from llmagentos.models.hf_tensors import contiguous_qkv, fused_qkv
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Parts

_FIELDS = SizeFields("max_seq_len", "d_model", "n_layers", None, "n_heads", "layer_norm_epsilon")


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    slopes = alibi_slopes(parts.n_heads, parts.meta.number("attention.max_alibi_bias"))
    scale = parts.meta.number("attention.scale", None)
    clamp = parts.meta.number("attention.clamp_kqv", None)

    x = norms_before(
        parts,
        parts.embed(),
        lambda h, i: parts.attention(h, i, scale=scale, alibi_slopes=slopes, clamp=clamp),
        lambda h, i: parts.mlp(h, i, "gelu"),
    )
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("expansion_ratio", 4)
    config.expect("logit_scale", None)
    config.expect("no_bias", True)
    # Positions are ALiBi's alone where it is there. The others say how to begin a training, and how to compute.
    config.ignore("learned_pos_emb", "embedding_fraction", "init_config", "init_device", "norm_type", "verbose")
    config.ignore("tokenizer_name", "fc_type")
    return sizes_metadata(config, _FIELDS) | _attention_metadata(config)


def _attention_metadata(config: HfConfig) -> dict[str, Any]:
    attention = HfConfig(config.path, config.object("attn_config"))
    attention.expect("alibi", True)
    attention.expect("attn_type", "multihead_attention")
    for name in ("attn_uses_sequence_id", "prefix_lm", "qk_ln"):
        attention.expect(name, False)
    attention.ignore("attn_impl")
    made = {"attention.max_alibi_bias": attention.number("alibi_bias_max", USUAL_MAX_BIAS)}
    scale, clamp = attention.number("softmax_scale", None), attention.number("clip_qkv", None)
    if scale is not None:
        made["attention.scale"] = scale
    if clamp:
        made["attention.clamp_kqv"] = clamp
    attention.check_all_read()
    return made


_LAYER = "transformer.blocks.{i}."
_TENSORS = {
    "token_embd.weight": "transformer.wte.weight",
    "output_norm.weight": "transformer.norm_f.weight",
    "output.weight": "lm_head.weight",
    "blk.{i}.attn_norm.weight": _LAYER + "norm_1.weight",
    "blk.{i}.attn_output.weight": _LAYER + "attn.out_proj.weight",
    "blk.{i}.ffn_norm.weight": _LAYER + "norm_2.weight",
    "blk.{i}.ffn_up.weight": _LAYER + "ffn.up_proj.weight",
    "blk.{i}.ffn_down.weight": _LAYER + "ffn.down_proj.weight",
    **fused_qkv(_LAYER + "attn.Wqkv", contiguous_qkv),
}
_FORM = HfForm("mpt", _metadata, _TENSORS, is_tied=True, prefix="transformer.")

# The second is the class of the files that came with the models before transformers had its own.
FAMILY = Family(build, gguf=("mpt",), hf={"MptForCausalLM": _FORM, "MPTForCausalLM": _FORM})
