"""SmolLM3 (Hugging Face, 2025): Llama's shape, where every fourth layer has no positions (NoPE; Yang et al., 2025)."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import decoder_metadata, window_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.llama import TENSORS

_ROPE_LAYERS = "rope.layers"  # a flag for each layer; llama.cpp's files have no such key
_INTERVAL = 4


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names, q and k are permuted as Llama's."""
    n_layers = checkpoint.n_layers
    rotates = checkpoint.metadata.integers(_ROPE_LAYERS) or _every_but(_INTERVAL, n_layers)
    if len(rotates) < n_layers:
        raise UnsupportedModelError(f"{checkpoint.path}: {_ROPE_LAYERS} has {len(rotates)} elements, too few")
    pre_norm_decoder(checkpoint, g, pairs="adjacent", rotates=rotates)


def _every_but(interval: int, n_layers: int) -> list[int]:
    return [int((i + 1) % interval != 0) for i in range(n_layers)]


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("max_window_layers")  # left over from the configuration that this one was made of
    made = decoder_metadata(config, has_rope=False)
    made |= rope_metadata(config, made["attention.key_length"], default_base=2e6)
    interval = config.integer("no_rope_layer_interval", _INTERVAL, low=1)
    rotates = config.integers("no_rope_layers", _every_but(interval, made["block_count"]))  # 1 where a layer does
    uses_window = config.flag("use_sliding_window", False)
    windows = window_metadata(config, [uses_window and not flag for flag in rotates])
    return made | windows | {_ROPE_LAYERS: rotates}


FAMILY = Family(
    build, gguf=("smollm3",), hf={"SmolLM3ForCausalLM": HfForm("smollm3", _metadata, TENSORS, is_tied=True)}
)
