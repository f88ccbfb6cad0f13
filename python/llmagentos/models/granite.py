"""Granite (IBM, 2024), dense or of experts: Llama's shape, with multipliers of its parts."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import feed_forward
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import ExpertRows, experts_metadata, first_half, second_half
from llmagentos.models.hf_metadata import decoder_metadata
from llmagentos.models.hf_tensors import TensorRule
from llmagentos.models.layers import norms_before
from llmagentos.models.llama import TENSORS
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names, q and k are permuted as Llama's."""
    parts = Parts(checkpoint, g)
    meta = parts.meta
    # GGUF's name for whether positions rotate at all in this architecture.
    has_rope = meta.flag("rope.scaling.finetuned", True)
    rope = rope_params(checkpoint, parts.head_dim, pairs="adjacent") if has_rope else None
    scale = meta.number("attention.scale", parts.head_dim**-0.5)
    residual = meta.number("residual_scale", 1.0)

    x = g.scale(parts.embed(), meta.number("embedding_scale", 1.0))
    x = norms_before(
        parts,
        x,
        lambda h, i: g.scale(parts.attention(h, i, rope=rope, scale=scale), residual),
        lambda h, i: g.scale(feed_forward(parts, h, i), residual),
    )
    g.set_output(parts.logits(x, scale=1 / meta.number("logit_scale", 1.0)))


def _metadata(config: HfConfig) -> dict[str, Any]:
    return decoder_metadata(config) | {
        "embedding_scale": config.number("embedding_multiplier", 1.0),
        "attention.scale": config.number("attention_multiplier", 1.0),
        "residual_scale": config.number("residual_multiplier", 1.0),
        "logit_scale": config.number("logits_scaling", 1.0),
    }


def _moe_metadata(config: HfConfig) -> dict[str, Any]:
    return _metadata(config) | experts_metadata(config)


_MOE = "model.layers.{i}.block_sparse_moe."
_MOE_TENSORS: dict[str, TensorRule] = {
    **TENSORS,
    "blk.{i}.ffn_gate_inp.weight": _MOE + "router.layer.weight",
    "blk.{i}.ffn_gate_exps.weight": ExpertRows(_MOE + "input_linear.weight", first_half),
    "blk.{i}.ffn_up_exps.weight": ExpertRows(_MOE + "input_linear.weight", second_half),
    "blk.{i}.ffn_down_exps.weight": _MOE + "output_linear.weight",
}

FAMILY = Family(
    build,
    gguf=("granite", "granitemoe"),
    hf={
        "GraniteForCausalLM": HfForm("granite", _metadata, TENSORS),
        "GraniteMoeForCausalLM": HfForm("granitemoe", _moe_metadata, _MOE_TENSORS),
    },
)
