"""Layers of experts (Shazeer et al., 2017): sizes and routing under GGUF's metadata keys, weights by GGUF's names."""

from __future__ import annotations

from typing import Literal

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.parts import Activation, Parts

# GGUF's numbers of router scores. A softmax over the chosen experts only is a normalised one over all.
_SOFTMAX, _SIGMOID, _SOFTMAX_OF_CHOSEN = 1, 2, 3
# Architectures whose files do not say that the weights of a token's experts need not sum to one.
_NOT_NORMALISED = ("deepseek2", "llama4", "olmoe", "qwen2moe")
_SIGMOIDS = ("llama4",)  # architectures whose files do not say that scores are sigmoids


def feed_forward(parts: Parts, h: int, layer: int, *, weighs_inputs: bool = False) -> int:
    """The gated MLP of a layer, or its experts where it has a router."""
    if not parts.has(f"blk.{layer}.ffn_gate_inp.weight"):
        return parts.gated_mlp(h, layer, "silu")
    return experts(parts, h, layer, weighs_inputs=weighs_inputs)


def experts(
    parts: Parts,
    h: int,
    layer: int,
    *,
    activation: Activation = "silu",
    limit: float = 0.0,
    up_shift: float = 0.0,
    weighs_inputs: bool = False,
) -> int:
    """The experts of a layer, and the MLP beside them that all tokens go through where the checkpoint has one.

    Args:
        limit, up_shift, weighs_inputs: as `Graph.moe` has them.

    Raises:
        UnsupportedModelError: router scores of another kind than softmax and sigmoid.
    """
    g, meta, block = parts.g, parts.meta, f"blk.{layer}."
    n_experts = meta.integer("expert_count")
    scores, is_normalised = _scores(parts)
    logits = parts.linear(h, block + "ffn_gate_inp", n_experts)
    shared = _shared_expert(parts, h, layer, activation)
    routed = g.moe(
        h,
        logits,
        gate=block + "ffn_gate_exps.weight",
        up=block + "ffn_up_exps.weight",
        down=block + "ffn_down_exps.weight",
        gate_bias=parts.bias(block + "ffn_gate_exps"),
        up_bias=parts.bias(block + "ffn_up_exps"),
        down_bias=parts.bias(block + "ffn_down_exps"),
        selection_bias=parts.bias(block + "exp_probs_b"),
        n_experts=n_experts,
        n_used=meta.integer("expert_used_count"),
        hidden=meta.integer("expert_feed_forward_length", parts.hidden),
        activation=activation,
        scores=scores,
        normalised=is_normalised,
        scale=meta.number("expert_weights_scale", 1.0),
        n_groups=meta.integer("expert_group_count", 1),
        n_groups_used=meta.integer("expert_group_used_count", 1),
        n_group_scores=2 if scores == "sigmoid" else 1,  # DeepSeek V3 and V2
        limit=limit,
        up_shift=up_shift,
        weighs_inputs=weighs_inputs,
    )
    return routed if shared is None else g.add(shared, routed)


def _scores(parts: Parts) -> tuple[Literal["softmax", "sigmoid"], bool]:
    architecture = parts.checkpoint.architecture
    kind = parts.meta.integer("expert_gating_func", _SIGMOID if architecture in _SIGMOIDS else _SOFTMAX)
    if kind not in (_SOFTMAX, _SIGMOID, _SOFTMAX_OF_CHOSEN):
        raise UnsupportedModelError(f"{parts.checkpoint.path}: router scores of kind {kind} are not supported")
    usual = architecture not in _NOT_NORMALISED
    is_normalised = parts.meta.flag("expert_weights_norm", usual) or kind == _SOFTMAX_OF_CHOSEN
    return "sigmoid" if kind == _SIGMOID else "softmax", is_normalised


def _shared_expert(parts: Parts, h: int, layer: int, activation: Activation) -> int | None:
    block = f"blk.{layer}."
    hidden = parts.meta.integer("expert_shared_feed_forward_length", None, low=0)
    if not parts.has(block + "ffn_up_shexp.weight"):
        return None
    shared = parts.gated_mlp(
        h, layer, activation, suffix="_shexp", hidden=hidden or parts.n_rows(block + "ffn_up_shexp.weight")
    )
    if not parts.has(block + "ffn_gate_inp_shexp.weight"):
        return shared
    gate = parts.g.activation(parts.linear(h, block + "ffn_gate_inp_shexp", 1), "sigmoid")
    return parts.g.scale_rows(shared, gate)
