"""GPT-Neo (Black et al., 2021): GPT-2 with a window in every other layer and no scaling of scores."""

from __future__ import annotations

from itertools import islice
from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import MAX_LAYERS, Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import ACTIVATIONS
from llmagentos.models.hf_tensors import with_biases
from llmagentos.models.parts import Parts

_USUAL_TYPES = [[["global", "local"], 12]]


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights have names in the manner of GGUF's, which has none for this family."""
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", "gelu_tanh")
    windows = parts.windows()

    x = g.add(parts.embed(), parts.embed_positions())
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i, scale=1.0, window=windows[i]))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.mlp(h, i, activation))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    width, n_layers = config.integer("hidden_size", low=1), config.integer("num_layers")
    kinds = _layer_kinds(config)
    if len(kinds) != n_layers or any(kind not in ("global", "local") for kind in kinds):
        raise UnsupportedModelError(f"{config.path}: attention_layers={kinds!r} is not supported for {n_layers} layers")
    return {
        "context_length": config.integer("max_position_embeddings", 2048),
        "embedding_length": width,
        "block_count": n_layers,
        "feed_forward_length": config.integer("intermediate_size", 4 * width),
        "hidden_activation": config.choice("activation_function", ACTIVATIONS, "gelu_new"),
        "attention.head_count": config.integer("num_heads", low=1),
        "attention.layer_norm_epsilon": config.number("layer_norm_epsilon", 1e-5),
        "attention.sliding_window": config.integer("window_size", 256),
        "attention.sliding_window_pattern": [kind == "local" for kind in kinds],
        "vocab_size": config.integer("vocab_size"),
    }


def _layer_kinds(config: HfConfig) -> list[Any]:
    """What each layer's attention is: one by one, or as kinds that are repeated."""
    types = config.get("attention_types", _USUAL_TYPES)
    try:
        repeated = (kind for kinds, times in types for _ in range(times) for kind in kinds)
        return list(islice(config.get("attention_layers", repeated), MAX_LAYERS))
    except (TypeError, ValueError):
        raise UnsupportedModelError(f"{config.path}: attention_types={types!r} is not supported") from None


_LAYER = "transformer.h.{i}."
_TENSORS = {
    "token_embd.weight": "transformer.wte.weight",
    "position_embd.weight": "transformer.wpe.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {
            "output_norm": "transformer.ln_f",
            "blk.{i}.attn_norm": _LAYER + "ln_1",
            "blk.{i}.attn_q": _LAYER + "attn.attention.q_proj",
            "blk.{i}.attn_k": _LAYER + "attn.attention.k_proj",
            "blk.{i}.attn_v": _LAYER + "attn.attention.v_proj",
            "blk.{i}.attn_output": _LAYER + "attn.attention.out_proj",
            "blk.{i}.ffn_norm": _LAYER + "ln_2",
            "blk.{i}.ffn_up": _LAYER + "mlp.c_fc",
            "blk.{i}.ffn_down": _LAYER + "mlp.c_proj",
        }
    ),
}

FAMILY = Family(
    build,
    gguf=("gptneo",),
    hf={"GPTNeoForCausalLM": HfForm("gptneo", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
