"""Llama (Touvron et al., 2023) and Mistral (Jiang et al., 2023): rotary positions, grouped queries, SwiGLU."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_tensors import Rows, adjacent_pairs


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    if checkpoint.metadata.integer("expert_count", 0, low=0) > 0:
        raise UnsupportedModelError(f"{checkpoint.path}: mixture-of-experts models of this family are not supported")
    # Files of this architecture have q and k permuted so that adjacent elements rotate.
    pre_norm_decoder(checkpoint, g, pairs="adjacent")


def _mistral_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("layer_types", None)  # of which transformers' class takes no notice
    made = decoder_metadata(config)
    return made | window_metadata(config, [True] * made["block_count"])


_Q, _K = adjacent_pairs("attention.head_count"), adjacent_pairs("attention.head_count_kv")
TENSORS = DECODER_TENSORS | {
    "blk.{i}.attn_q.weight": Rows("model.layers.{i}.self_attn.q_proj.weight", _Q),
    "blk.{i}.attn_q.bias": Rows("model.layers.{i}.self_attn.q_proj.bias", _Q),
    "blk.{i}.attn_k.weight": Rows("model.layers.{i}.self_attn.k_proj.weight", _K),
    "blk.{i}.attn_k.bias": Rows("model.layers.{i}.self_attn.k_proj.bias", _K),
}

FAMILY = Family(
    build,
    gguf=("llama",),
    hf={
        "LlamaForCausalLM": HfForm("llama", decoder_metadata, TENSORS),
        "MistralForCausalLM": HfForm("llama", _mistral_metadata, TENSORS),
    },
)
