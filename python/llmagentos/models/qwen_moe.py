"""Qwen 2's and Qwen 3's mixtures of experts, and OLMoE (Muennighoff et al., 2024), whose layers have the same parts."""

from __future__ import annotations

from typing import Any

from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import expert_tensors, experts_metadata
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata


def _metadata(config: HfConfig) -> dict[str, Any]:
    return (
        decoder_metadata(config)
        | experts_metadata(config)
        | {"expert_weights_norm": config.flag("norm_topk_prob", False)}
    )


def _qwen_metadata(config: HfConfig, windowed: list[bool]) -> dict[str, Any]:
    windows = window_metadata(config, windowed)
    made = _metadata(config) | {"expert_feed_forward_length": config.integer("moe_intermediate_size")}
    return made | (windows if config.flag("use_sliding_window", False) else {})


def _qwen2_metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("qkv_bias")  # the tensors say
    first_global = config.integer("max_window_layers", 28)
    windowed = [i % 2 == 0 and i < first_global for i in range(config.integer("num_hidden_layers"))]
    shared = {"expert_shared_feed_forward_length": config.integer("shared_expert_intermediate_size")}
    return _qwen_metadata(config, windowed) | shared


def _qwen3_metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("max_window_layers")  # of which transformers' class takes no notice
    config.ignore("qkv_bias")  # the tensors say
    config.expect("use_qk_norm", True)
    config.expect("shared_expert_intermediate_size", 0)
    return _qwen_metadata(config, [True] * config.integer("num_hidden_layers"))


def _olmoe_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("clip_qkv", None)
    config.assume("rms_norm_eps", 1e-5)
    return _metadata(config)


_LAYER = "model.layers.{i}."
_EXPERTS = _LAYER + "mlp.experts"
_TENSORS = (
    DECODER_TENSORS
    | expert_tensors(_EXPERTS, _EXPERTS, gate="gate_proj", up="up_proj", down="down_proj")
    | {
        "blk.{i}.attn_q_norm.weight": _LAYER + "self_attn.q_norm.weight",
        "blk.{i}.attn_k_norm.weight": _LAYER + "self_attn.k_norm.weight",
        "blk.{i}.ffn_gate_inp.weight": _LAYER + "mlp.gate.weight",
        "blk.{i}.ffn_gate_shexp.weight": _LAYER + "mlp.shared_expert.gate_proj.weight",
        "blk.{i}.ffn_up_shexp.weight": _LAYER + "mlp.shared_expert.up_proj.weight",
        "blk.{i}.ffn_down_shexp.weight": _LAYER + "mlp.shared_expert.down_proj.weight",
        "blk.{i}.ffn_gate_inp_shexp.weight": _LAYER + "mlp.shared_expert_gate.weight",
    }
)

FAMILY = Family(
    pre_norm_decoder,
    gguf=("olmoe", "qwen2moe", "qwen3moe"),
    head_norms=("olmoe", "qwen3moe"),
    hf={
        "OlmoeForCausalLM": HfForm("olmoe", _olmoe_metadata, _TENSORS),
        "Qwen2MoeForCausalLM": HfForm("qwen2moe", _qwen2_metadata, _TENSORS),
        "Qwen3MoeForCausalLM": HfForm("qwen3moe", _qwen3_metadata, _TENSORS),
    },
)
