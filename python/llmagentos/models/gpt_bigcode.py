"""GPT-BigCode (Ben Allal et al., 2023), which is StarCoder's and SantaCoder's: GPT-2 with one key and value head."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import ACTIVATIONS
from llmagentos.models.hf_tensors import fused_qkv, grouped_qkv, with_biases
from llmagentos.models.parts import Parts


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", "gelu")  # StarCoder's

    x = g.add(parts.embed(), parts.embed_positions())
    for i in range(parts.n_layers):
        x = g.add(x, parts.attention(parts.norm(x, f"blk.{i}.attn_norm"), i))
        x = g.add(x, parts.mlp(parts.norm(x, f"blk.{i}.ffn_norm"), i, activation))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("scale_attn_weights", True)
    config.expect("add_cross_attention", False)
    # How transformers and the models' first server computed and kept the cache.
    config.ignore("attention_softmax_in_fp32", "scale_attention_softmax_in_fp32", "inference_runner", "n_ctx")
    config.ignore("max_batch_size", "max_sequence_length", "pad_key_length", "pre_allocate_kv_cache")
    config.ignore("validate_runner_input", "num_key_value_heads")
    width, n_heads = config.integer("n_embd", low=1), config.integer("n_head", low=1)
    return {
        "context_length": config.integer("n_positions"),
        "embedding_length": width,
        "block_count": config.integer("n_layer"),
        "feed_forward_length": config.integer("n_inner", 4 * width),
        "hidden_activation": config.choice("activation_function", ACTIVATIONS, "gelu_pytorch_tanh"),
        "attention.head_count": n_heads,
        "attention.head_count_kv": 1 if config.flag("multi_query", True) else n_heads,
        "attention.layer_norm_epsilon": config.number("layer_norm_epsilon", 1e-5),
        "vocab_size": config.integer("vocab_size"),
    }


_LAYER = "transformer.h.{i}."
_TENSORS = {
    "token_embd.weight": "transformer.wte.weight",
    "position_embd.weight": "transformer.wpe.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {
            "output_norm": "transformer.ln_f",
            "blk.{i}.attn_norm": _LAYER + "ln_1",
            "blk.{i}.attn_output": _LAYER + "attn.c_proj",
            "blk.{i}.ffn_norm": _LAYER + "ln_2",
            "blk.{i}.ffn_up": _LAYER + "mlp.c_fc",
            "blk.{i}.ffn_down": _LAYER + "mlp.c_proj",
        }
    ),
    **fused_qkv(_LAYER + "attn.c_attn", grouped_qkv),
}

FAMILY = Family(
    build,
    gguf=("starcoder",),
    hf={"GPTBigCodeForCausalLM": HfForm("starcoder", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
