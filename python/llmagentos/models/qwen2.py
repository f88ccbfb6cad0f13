"""Qwen 2, 2.5 (Yang et al., 2024) and 3, dense: Llama's shape, with biases of q, k and v or norms of q and k."""

from __future__ import annotations

from typing import Any

from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("use_mrope", False)
    made = decoder_metadata(config)
    uses_window = config.flag("use_sliding_window", False)
    first = config.integer("max_window_layers", 28)
    windows = window_metadata(config, [i >= first for i in range(made["block_count"])])
    return made | (windows if uses_window else {})


_TENSORS = DECODER_TENSORS | {
    "blk.{i}.attn_q_norm.weight": "model.layers.{i}.self_attn.q_norm.weight",
    "blk.{i}.attn_k_norm.weight": "model.layers.{i}.self_attn.k_norm.weight",
}

FAMILY = Family(
    pre_norm_decoder,
    gguf=("qwen2", "qwen3"),
    head_norms=("qwen3",),
    hf={
        "Qwen2ForCausalLM": HfForm("qwen2", _metadata, _TENSORS),
        "Qwen3ForCausalLM": HfForm("qwen3", _metadata, _TENSORS),
    },
)
