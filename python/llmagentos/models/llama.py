"""Llama (Touvron et al., 2023), Mistral, Ministral and Mixtral (Jiang et al., 2023, 2024): grouped queries, SwiGLU."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import expert_tensors, experts_metadata
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import Rows, TensorRule, adjacent_pairs


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    # Files of this architecture have q and k permuted so that adjacent elements rotate.
    pre_norm_decoder(checkpoint, g, pairs="adjacent")


def _llama_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("activation", "swiglu")  # as Falcon 3 has it, besides hidden_act
    return decoder_metadata(config)


def _ministral_metadata(config: HfConfig) -> dict[str, Any]:
    for field, value in _USUAL_OF_MISTRAL.items():
        config.assume(field, value, unless_null=True)
    made = decoder_metadata(config)
    return made | window_metadata(config, [True] * made["block_count"])


def mistral_metadata(config: HfConfig) -> dict[str, Any]:
    """Of Mistral, whose layers are all alike."""
    config.expect("layer_types", None)  # of which transformers' class takes no notice
    return _ministral_metadata(config)


def _mixtral_metadata(config: HfConfig) -> dict[str, Any]:
    made = decoder_metadata(config, has_rope=False, eps=1e-5)
    rope = rope_metadata(config, made["attention.key_length"], default_base=1e6)
    return made | rope | window_metadata(config, [True] * made["block_count"]) | experts_metadata(config)


# Of which models that see pictures leave out what is so of their text part.
_USUAL_OF_MISTRAL = {
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "sliding_window": 4096,
}
_Q, _K = adjacent_pairs("attention.head_count"), adjacent_pairs("attention.head_count_kv")
TENSORS: dict[str, TensorRule] = {
    **DECODER_TENSORS,
    "blk.{i}.attn_q.weight": Rows("model.layers.{i}.self_attn.q_proj.weight", _Q),
    "blk.{i}.attn_q.bias": Rows("model.layers.{i}.self_attn.q_proj.bias", _Q),
    "blk.{i}.attn_k.weight": Rows("model.layers.{i}.self_attn.k_proj.weight", _K),
    "blk.{i}.attn_k.bias": Rows("model.layers.{i}.self_attn.k_proj.bias", _K),
}
_FILE, _MEMORY = "model.layers.{i}.block_sparse_moe", "model.layers.{i}.mlp"  # where transformers 5 has the experts
_MIXTRAL_TENSORS = (
    TENSORS
    | expert_tensors(f"{_FILE}.experts", f"{_MEMORY}.experts", gate="w1", up="w3", down="w2")
    | {"blk.{i}.ffn_gate_inp.weight": (f"{_FILE}.gate.weight", f"{_MEMORY}.gate.weight")}
)

FAMILY = Family(
    build,
    gguf=("llama",),
    hf={
        "LlamaForCausalLM": HfForm("llama", _llama_metadata, TENSORS),
        "MinistralForCausalLM": HfForm("llama", _ministral_metadata, TENSORS),
        "MistralForCausalLM": HfForm("llama", mistral_metadata, TENSORS),
        "MixtralForCausalLM": HfForm("llama", _mixtral_metadata, _MIXTRAL_TENSORS),
    },
)
