"""Llama (Touvron et al., 2023) and Mixtral (Jiang et al., 2024): rotary positions, grouped queries, SwiGLU."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import feed_forward
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import expert_tensors, experts_metadata
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, rope_metadata
from llmagentos.models.hf_tensors import Rows, adjacent_pairs
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    # Files of this architecture have q and k permuted so that adjacent elements rotate.
    rope = rope_params(checkpoint, parts.head_dim, pairs="adjacent")

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i, rope=rope))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, feed_forward(parts, h, i))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    return decoder_metadata(config)


def _mixtral_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("sliding_window", None)
    made = decoder_metadata(config, has_rope=False)
    return made | rope_metadata(config, made["attention.key_length"], 1e6) | experts_metadata(config)


_Q, _K = adjacent_pairs("attention.head_count"), adjacent_pairs("attention.head_count_kv")
_TENSORS = DECODER_TENSORS | {
    "blk.{i}.attn_q.weight": Rows("model.layers.{i}.self_attn.q_proj.weight", _Q),
    "blk.{i}.attn_q.bias": Rows("model.layers.{i}.self_attn.q_proj.bias", _Q),
    "blk.{i}.attn_k.weight": Rows("model.layers.{i}.self_attn.k_proj.weight", _K),
    "blk.{i}.attn_k.bias": Rows("model.layers.{i}.self_attn.k_proj.bias", _K),
}

_FILE, _MEMORY = "model.layers.{i}.block_sparse_moe", "model.layers.{i}.mlp"  # where transformers 5 has the experts
_MIXTRAL_TENSORS = (
    _TENSORS
    | expert_tensors(f"{_FILE}.experts", f"{_MEMORY}.experts", gate="w1", up="w3", down="w2")
    | {"blk.{i}.ffn_gate_inp.weight": (f"{_FILE}.gate.weight", f"{_MEMORY}.gate.weight")}
)

FAMILY = Family(
    build,
    gguf=("llama",),
    hf={
        "LlamaForCausalLM": HfForm("llama", _metadata, _TENSORS),
        "MixtralForCausalLM": HfForm("llama", _mixtral_metadata, _MIXTRAL_TENSORS),
    },
)
