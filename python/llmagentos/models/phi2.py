"""Phi 1, 1.5 and 2 (Li et al., 2023): attention and MLP side by side after one norm, part of each head rotates."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.layers import side_by_side
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    rope = rope_params(checkpoint, parts.head_dim)

    x = side_by_side(
        parts,
        parts.embed(),
        lambda h, i: parts.attention(h, i, rope=rope),
        lambda h, i: parts.mlp(h, i, "gelu_tanh"),
    )
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("qk_layernorm")  # the tensors say
    activations = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")
    made = decoder_metadata(config, activations=activations, has_rope=False, norm="layer", eps=1e-5)
    return made | rope_metadata(config, made["attention.key_length"], default_share=0.5)


_LAYER = "model.layers.{i}."
_RENAMED = {
    "blk.{i}.attn_q_norm": _LAYER + "self_attn.q_layernorm",
    "blk.{i}.attn_k_norm": _LAYER + "self_attn.k_layernorm",
    "blk.{i}.attn_output": _LAYER + "self_attn.dense",
    "blk.{i}.ffn_up": _LAYER + "mlp.fc1",
    "blk.{i}.ffn_down": _LAYER + "mlp.fc2",
    "blk.{i}.attn_norm": _LAYER + "input_layernorm",
    "output_norm": "model.final_layernorm",
    "output": "lm_head",
}
_TENSORS = DECODER_TENSORS | {
    f"{name}.{kind}": f"{source}.{kind}" for name, source in _RENAMED.items() for kind in ("weight", "bias")
}

FAMILY = Family(build, gguf=("phi2",), hf={"PhiForCausalLM": HfForm("phi2", _metadata, _TENSORS)})
