"""DeepSeek V2 and V3 (2024): keys and values of a latent vector (MLA), experts that come in groups.

Keys and values are made for every head and kept in the cache so, where other programs keep the latent vector: a head's
are then of one size, the shorter ones filled up with zeros.
"""

from __future__ import annotations

import math
from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import feed_forward
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import expert_tensors, experts_metadata
from llmagentos.models.hf_metadata import DECODER_TENSORS, SizeFields, sizes_metadata
from llmagentos.models.hf_rope import rope_metadata, yarn_magnitude
from llmagentos.models.hf_tensors import TensorRule
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Parts
from llmagentos.models.rope import YARN_MULTIPLIER, rope_params

_LATENT_EPS = "attention.latent_norm_epsilon"  # llama.cpp takes that of the other norms
_HF_LATENT_EPS = 1e-6  # whatever the configuration says
_SOFTMAX, _SIGMOID = 1, 2  # GGUF's numbers of router scores


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g, one_head_size=False)
    parts.meta.integer("leading_dense_block_count", 0, low=0)  # which layers have experts, and how large the one is
    parts.meta.integer("expert_shared_count", 0, low=0)  # that all tokens go through: the tensors say
    attention = _LatentAttention(parts)
    x = norms_before(parts, parts.embed(), attention.add, lambda h, i: feed_forward(parts, h, i))
    g.set_output(parts.logits(x))


class _LatentAttention:
    """Sizes: of a head's query and key, of which the last `n_rotated` rotate, and of its value."""

    def __init__(self, parts: Parts) -> None:
        meta = parts.meta
        self.parts = parts
        self.rank = meta.integer("attention.kv_lora_rank")
        # Files whose keys and values are to be kept as the latent vector give its sizes under the names without "mla".
        self.key_dim = meta.integer("attention.key_length_mla", parts.head_dim)
        self.value_dim = meta.integer("attention.value_length_mla", parts.value_dim)
        self.n_rotated = meta.integer("rope.dimension_count")
        self.n_plain = self.key_dim - self.n_rotated
        if self.n_plain < 1:
            raise UnsupportedModelError(
                f"{parts.checkpoint.path}: {self.n_rotated} of {self.key_dim} elements of a head cannot rotate"
            )
        self.size = max(self.key_dim, self.value_dim)
        self.rope = rope_params(parts.checkpoint, self.key_dim, pairs="adjacent", first=self.n_plain)
        self.eps = meta.number(_LATENT_EPS, meta.number("attention.layer_norm_rms_epsilon"))
        # YaRN's sharpening of all scores.
        sharper = 1 + meta.number(YARN_MULTIPLIER, 0.0) * math.log(meta.number("rope.scaling.factor", 1.0))
        self.scale = sharper**2 / math.sqrt(self.key_dim)

    def add(self, h: int, layer: int) -> int:
        """The attention of a layer with its projections."""
        parts, g, n_heads, block = self.parts, self.parts.g, self.parts.n_heads, f"blk.{layer}."
        q = self._queries(h, block)
        latent = parts.linear(h, block + "attn_kv_a_mqa", self.rank + self.n_rotated)
        rotated = g.slice_heads(latent, n_heads=1, first=self.rank, n=self.n_rotated, size=self.n_rotated)
        latent = g.slice_heads(latent, n_heads=1, n=self.rank, size=self.rank)
        latent = g.rms_norm(latent, block + "attn_kv_a_norm.weight", self.eps)
        if parts.has(block + "attn_k_b.weight"):
            keys = parts.linear(latent, block + "attn_k_b", n_heads * self.n_plain)
            values, first = parts.linear(latent, block + "attn_v_b", n_heads * self.value_dim), 0
        else:
            keys = parts.linear(latent, block + "attn_kv_b", n_heads * (self.n_plain + self.value_dim))
            values, first = keys, self.n_plain
        k = g.slice_heads(keys, n_heads=n_heads, n=self.n_plain, size=self.size, tail=rotated)
        v = g.slice_heads(values, n_heads=n_heads, first=first, n=self.value_dim, size=self.size)
        a = g.attention(
            g.rope(q, self.size, self.rope),
            g.rope(k, self.size, self.rope),
            v,
            layer=layer,
            n_heads=n_heads,
            n_kv_heads=n_heads,
            head_dim=self.size,
            scale=self.scale,
        )
        if self.size > self.value_dim:
            a = g.slice_heads(a, n_heads=n_heads, n=self.value_dim, size=self.value_dim)
        return parts.linear(a, block + "attn_output", parts.width)

    def _queries(self, h: int, block: str) -> int:
        parts, width = self.parts, self.parts.n_heads * self.key_dim
        rank = parts.meta.integer("attention.q_lora_rank", None)
        if parts.has(block + "attn_q_a.weight"):
            rank = rank or parts.n_rows(block + "attn_q_a.weight")
            q = parts.g.rms_norm(parts.linear(h, block + "attn_q_a", rank), block + "attn_q_a_norm.weight", self.eps)
            q = parts.linear(q, block + "attn_q_b", width)
        else:
            q = parts.linear(h, block + "attn_q", width)
        if self.size == self.key_dim:
            return q
        return parts.g.slice_heads(q, n_heads=parts.n_heads, n=self.key_dim, size=self.size)


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("hidden_act", "silu", "swish")
    config.expect("moe_layer_freq", 1)
    config.expect("rope_interleave", True)
    config.ignore("attention_bias", "mlp_bias")  # the tensors say
    config.ignore("head_dim", "qk_head_dim")  # what other fields say
    config.ignore("aux_loss_alpha", "seq_aux", "ep_size", "num_nextn_predict_layers")  # of training, and of guessing
    made = sizes_metadata(config, SizeFields(eps="rms_norm_eps"), eps=1e-6, norm="rms")
    config.expect("num_key_value_heads", made["attention.head_count"])
    n_rotated = config.integer("qk_rope_head_dim", low=2)
    made |= {
        "attention.head_count_kv": made["attention.head_count"],
        "attention.kv_lora_rank": config.integer("kv_lora_rank", low=1),
        "attention.key_length": config.integer("qk_nope_head_dim", low=1) + n_rotated,
        "attention.value_length": config.integer("v_head_dim", low=1),
    }
    rank = config.integer("q_lora_rank", None, low=1)
    made |= {} if rank is None else {"attention.q_lora_rank": rank}
    if made["attention.layer_norm_rms_epsilon"] != _HF_LATENT_EPS:
        made[_LATENT_EPS] = _HF_LATENT_EPS
    return made | _rope(config, n_rotated) | _experts(config)


def _rope(config: HfConfig, n_rotated: int) -> dict[str, Any]:
    """With `mscale_all_dim` YaRN makes all scores sharper, rather than those of what rotates."""
    made = rope_metadata(config, n_rotated)
    given = config.object("rope_scaling") | config.object("rope_parameters")
    mscale = HfConfig(config.path, given).number("mscale_all_dim", 0.0, low=0)
    if not mscale or "rope.scaling.type" not in made:
        return made
    if made["rope.scaling.type"] != "yarn":
        raise UnsupportedModelError(f"{config.path}: mscale_all_dim={mscale} is not supported without YaRN")
    factor = made.pop("rope.scaling.attn_factor") * yarn_magnitude(made["rope.scaling.factor"], 1.0)
    if abs(factor - 1) > 1e-6:
        made["rope.scaling.attn_factor"] = factor
    return made | {YARN_MULTIPLIER: 0.1 * mscale}


def _experts(config: HfConfig) -> dict[str, Any]:
    config.alias("num_experts", "n_routed_experts")
    n_groups, n_used = config.integer("n_group", None, low=1), config.integer("topk_group", None, low=1)
    groups = {"expert_group_count": n_groups, "expert_group_used_count": n_used}
    return {
        **experts_metadata(config),
        "leading_dense_block_count": config.integer("first_k_dense_replace", 0),
        "expert_feed_forward_length": config.integer("moe_intermediate_size", low=1),
        "expert_shared_count": config.integer("n_shared_experts", low=1),
        "expert_weights_scale": config.number("routed_scaling_factor", 1.0),
        **(groups if n_groups and n_used and n_used < n_groups else {}),
    }


def _v2_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("scoring_func", "softmax")
    config.expect("norm_topk_prob", False)
    made = _metadata(config) | {"expert_gating_func": _SOFTMAX}
    if not config.choice("topk_method", {"greedy": False, "group_limited_greedy": True}, "greedy"):
        made.pop("expert_group_count", None)
        made.pop("expert_group_used_count", None)
    return made


def _v3_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("scoring_func", "sigmoid")
    config.expect("topk_method", "noaux_tc")
    normalises = config.flag("norm_topk_prob", True)
    for field, value in _USUAL_OF_V3.items():
        config.assume(field, value, unless_null=True)
    return _metadata(config) | {"expert_gating_func": _SIGMOID, "expert_weights_norm": normalises}


_USUAL_OF_V3 = {"n_group": 8, "topk_group": 4, "first_k_dense_replace": 3, "routed_scaling_factor": 2.5}
_LAYER = "model.layers.{i}."
_ATTENTION, _EXPERTS, _SHARED = _LAYER + "self_attn.", _LAYER + "mlp.experts", _LAYER + "mlp.shared_experts."
_TENSORS: dict[str, TensorRule] = {
    **DECODER_TENSORS,
    **expert_tensors(_EXPERTS, _EXPERTS, gate="gate_proj", up="up_proj", down="down_proj"),
    "blk.{i}.attn_q_a.weight": _ATTENTION + "q_a_proj.weight",
    "blk.{i}.attn_q_a.bias": _ATTENTION + "q_a_proj.bias",
    "blk.{i}.attn_q_a_norm.weight": _ATTENTION + "q_a_layernorm.weight",
    "blk.{i}.attn_q_b.weight": _ATTENTION + "q_b_proj.weight",
    "blk.{i}.attn_kv_a_mqa.weight": _ATTENTION + "kv_a_proj_with_mqa.weight",
    "blk.{i}.attn_kv_a_mqa.bias": _ATTENTION + "kv_a_proj_with_mqa.bias",
    "blk.{i}.attn_kv_a_norm.weight": _ATTENTION + "kv_a_layernorm.weight",
    "blk.{i}.attn_kv_b.weight": _ATTENTION + "kv_b_proj.weight",
    "blk.{i}.ffn_gate_inp.weight": _LAYER + "mlp.gate.weight",
    "blk.{i}.exp_probs_b.bias": _LAYER + "mlp.gate.e_score_correction_bias",
    **{
        f"blk.{{i}}.ffn_{part}_shexp.{kind}": f"{_SHARED}{part}_proj.{kind}"
        for part in ("gate", "up", "down")
        for kind in ("weight", "bias")
    },
}
_GUESSING = ("model.layers.61.",)  # a layer of V3 that only guesses ahead

FAMILY = Family(
    build,
    gguf=("deepseek2",),
    hf={
        "DeepseekV2ForCausalLM": HfForm("deepseek2", _v2_metadata, _TENSORS),
        "DeepseekV3ForCausalLM": HfForm("deepseek2", _v3_metadata, _TENSORS, unused=_GUESSING),
    },
)
