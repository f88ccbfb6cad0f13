"""Phi 3, 3.5 and 4, text (Abdin et al., 2024): Llama's shape with halves rotating, longrope, fused projections."""

from __future__ import annotations

from typing import Any

from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_tensors import contiguous_qkv, fused_gate_up, fused_qkv


def _metadata(config: HfConfig) -> dict[str, Any]:
    for name, value in (("lm_head_bias", False), ("full_attn_mod", 1), ("interpolate_factor", 1)):
        config.expect(name, value)  # which Phi 4's configurations have
    made = decoder_metadata(config, eps=1e-5)
    return made | window_metadata(config, [True] * made["block_count"])


_TENSORS = DECODER_TENSORS | {
    **fused_qkv("model.layers.{i}.self_attn.qkv_proj", contiguous_qkv),
    **fused_gate_up("model.layers.{i}.mlp.gate_up_proj"),
}

FAMILY = Family(pre_norm_decoder, gguf=("phi3",), hf={"Phi3ForCausalLM": HfForm("phi3", _metadata, _TENSORS)})
