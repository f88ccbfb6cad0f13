"""GPT-NeoX (Black et al., 2022) and Pythia: attention and MLP side by side, each behind its norm, or in turn."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, activation_metadata, sizes_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import fused_qkv, grouped_qkv, with_biases
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", "gelu")
    is_parallel = parts.meta.flag("use_parallel_residual", True)
    rope = rope_params(checkpoint, parts.head_dim)

    x = parts.embed()
    for i in range(parts.n_layers):
        after = g.add(x, parts.attention(parts.norm(x, f"blk.{i}.attn_norm"), i, rope=rope))
        h = parts.norm(x if is_parallel else after, f"blk.{i}.ffn_norm")
        x = g.add(after, parts.mlp(h, i, activation))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("attention_bias")  # the tensors say
    made = sizes_metadata(config, SizeFields())
    head_dim = made["embedding_length"] // made["attention.head_count"]
    # The family's own names for what others have in one place.
    base, share = config.number("rotary_emb_base", 10000.0), config.number("rotary_pct", 0.25)
    return made | {
        **activation_metadata(config, "hidden_act", "gelu"),
        "use_parallel_residual": config.flag("use_parallel_residual", True),
        **rope_metadata(config, head_dim, base, share),
    }


_LAYER = "gpt_neox.layers.{i}."
_TENSORS = {
    "token_embd.weight": "gpt_neox.embed_in.weight",
    "output.weight": ("lm_head.weight", "embed_out.weight"),
    **with_biases(
        {
            "output_norm": "gpt_neox.final_layer_norm",
            "blk.{i}.attn_norm": _LAYER + "input_layernorm",
            "blk.{i}.attn_output": _LAYER + "attention.dense",
            "blk.{i}.ffn_norm": _LAYER + "post_attention_layernorm",
            "blk.{i}.ffn_up": _LAYER + "mlp.dense_h_to_4h",
            "blk.{i}.ffn_down": _LAYER + "mlp.dense_4h_to_h",
        }
    ),
    **fused_qkv(_LAYER + "attention.query_key_value", grouped_qkv),
}

FAMILY = Family(
    build,
    gguf=("gptneox",),
    hf={"GPTNeoXForCausalLM": HfForm("gptneox", _metadata, _TENSORS, prefix="gpt_neox.")},
)
