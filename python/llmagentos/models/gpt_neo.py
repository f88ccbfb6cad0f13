"""GPT-Neo (Black et al., 2021): GPT-2 with a window in every other layer and no scaling of scores."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import MAX_LAYERS
from llmagentos.models.family import Family, HfForm
from llmagentos.models.gpt2 import LAYER, MLP_TENSORS, SHARED_TENSORS, build
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, activation_metadata, sizes_metadata
from llmagentos.models.hf_tensors import with_biases

_FIELDS = SizeFields(layers="num_layers", heads="num_heads", eps="layer_norm_epsilon")
_USUAL_TYPES = [[["global", "local"], 12]]


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.assume("max_position_embeddings", 2048)
    made = sizes_metadata(config, _FIELDS, is_four_times=True)
    kinds, n_layers = _layer_kinds(config), made["block_count"]
    if len(kinds) != n_layers or any(kind not in ("global", "local") for kind in kinds):
        raise UnsupportedModelError(f"{config.path}: attention_layers={kinds!r} is not supported for {n_layers} layers")
    return made | {
        **activation_metadata(config, "activation_function", "gelu_new"),
        "attention.sliding_window": config.integer("window_size", 256),
        "attention.sliding_window_pattern": [kind == "local" for kind in kinds],
    }


def _layer_kinds(config: HfConfig) -> list[Any]:
    """What each layer's attention is: one by one, or as kinds that are repeated."""
    types = config.get("attention_types", _USUAL_TYPES)
    try:
        repeated = (kind for kinds, times in types for _ in range(times) for kind in kinds)
        return list(islice(config.get("attention_layers", repeated), MAX_LAYERS))
    except (TypeError, ValueError):
        raise UnsupportedModelError(f"{config.path}: attention_types={types!r} is not supported") from None


_ATTENTION = LAYER + "attn.attention."
_TENSORS = {
    **SHARED_TENSORS,
    **MLP_TENSORS,
    **with_biases(
        {
            "blk.{i}.attn_q": _ATTENTION + "q_proj",
            "blk.{i}.attn_k": _ATTENTION + "k_proj",
            "blk.{i}.attn_v": _ATTENTION + "v_proj",
            "blk.{i}.attn_output": _ATTENTION + "out_proj",
        }
    ),
}

# Weights have names in the manner of GGUF's, which has none for this family.
FAMILY = Family(
    partial(build, scale=1.0),
    gguf=("gptneo",),
    hf={"GPTNeoForCausalLM": HfForm("gptneo", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
