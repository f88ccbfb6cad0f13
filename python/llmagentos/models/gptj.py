"""GPT-J (Wang and Komatsuzaki, 2021): attention and MLP side by side behind one norm, adjacent pairs that rotate."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import GPT2_FIELDS, activation_metadata, sizes_metadata
from llmagentos.models.hf_tensors import with_biases
from llmagentos.models.layers import side_by_side
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", "gelu_tanh")
    rope = rope_params(checkpoint, parts.head_dim, pairs="adjacent")

    x = side_by_side(
        parts,
        parts.embed(),
        lambda h, i: parts.attention(h, i, rope=rope),
        lambda h, i: parts.mlp(h, i, activation),
    )
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("rotary", True)
    config.expect("scale_attn_weights", True)
    return {
        **sizes_metadata(config, GPT2_FIELDS, is_four_times=True),
        **activation_metadata(config, "activation_function", "gelu_new"),
        "rope.dimension_count": config.integer("rotary_dim", 64),
    }


_LAYER = "transformer.h.{i}."
_TENSORS = with_biases(
    {
        "token_embd": "transformer.wte",
        "output_norm": "transformer.ln_f",
        "output": "lm_head",
        "blk.{i}.attn_norm": _LAYER + "ln_1",
        "blk.{i}.attn_q": _LAYER + "attn.q_proj",
        "blk.{i}.attn_k": _LAYER + "attn.k_proj",
        "blk.{i}.attn_v": _LAYER + "attn.v_proj",
        "blk.{i}.attn_output": _LAYER + "attn.out_proj",
        "blk.{i}.ffn_up": _LAYER + "mlp.fc_in",
        "blk.{i}.ffn_down": _LAYER + "mlp.fc_out",
    }
)

FAMILY = Family(
    build, gguf=("gptj",), hf={"GPTJForCausalLM": HfForm("gptj", _metadata, _TENSORS, prefix="transformer.")}
)
