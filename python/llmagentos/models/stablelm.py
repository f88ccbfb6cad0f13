"""StableLM (Stability AI, 2023, 2024): Llama's shape with layer norms, of which part of each head rotates.

Where there is no norm before the MLP, it reads what attention reads.
"""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    parts.meta.flag("use_parallel_residual", False)  # not true of all files: the tensors say
    rope = rope_params(checkpoint, parts.head_dim)

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i, rope=rope))
        if parts.has(f"blk.{i}.ffn_norm.weight"):
            h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.gated_mlp(h, i, "silu"))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("qk_layernorm", False)  # norms with a weight for each head
    config.ignore("use_qkv_bias")  # the tensors say
    made = decoder_metadata(config, has_rope=False, norm="layer", eps=1e-5)
    return made | {
        **rope_metadata(config, made["attention.key_length"], default_share=0.25),
        "use_parallel_residual": config.flag("use_parallel_residual", False),
    }


_BIASES = {
    "output_norm.bias": "model.norm.bias",
    "blk.{i}.attn_norm.bias": "model.layers.{i}.input_layernorm.bias",
    "blk.{i}.ffn_norm.bias": "model.layers.{i}.post_attention_layernorm.bias",
}

FAMILY = Family(
    build,
    gguf=("stablelm",),
    hf={"StableLmForCausalLM": HfForm("stablelm", _metadata, DECODER_TENSORS | _BIASES)},
)
