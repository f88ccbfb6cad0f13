"""Mistral Small 3.1, 3.2 and Ministral 3 (Mistral AI, 2025): Mistral, whose queries may grow with their positions."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.decoder import pre_norm_decoder
from llmagentos.models.family import PICTURES, Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import decoder_metadata, window_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.llama import TENSORS, mistral_metadata
from llmagentos.models.rope import YARN_MULTIPLIER

_SLOPE, _PERIOD = "attention.temperature_scale", "rope.scaling.original_context_length"
_BETA = "llama_4_scaling_beta"


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    meta = checkpoint.metadata
    if meta.number(YARN_MULTIPLIER, 0.0, low=0) not in (
        0,
        1,
    ):  # here it is mscale_all_dim itself, beside an mscale of 1
        raise UnsupportedModelError(f"{checkpoint.path}: {YARN_MULTIPLIER} must be 0 or 1 for this architecture")
    slope = meta.number(_SLOPE, 0.0, low=0)
    query_scale = (meta.integer(_PERIOD, low=1), slope, 0) if slope > 0 else None
    # q and k are permuted as in files of Llama.
    pre_norm_decoder(checkpoint, g, pairs="adjacent", query_scale=query_scale)


def _ministral3_metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("layer_types", None)  # of which transformers' class takes no notice
    made = decoder_metadata(config, has_rope=False, eps=1e-5)
    others = (_BETA, "max_position_embeddings")  # the latter says again what another field does
    made |= rope_metadata(config, made["attention.key_length"], others=others)
    made |= window_metadata(config, [True] * made["block_count"])
    return made | {_SLOPE: HfConfig(config.path, config.object("rope_parameters")).number(_BETA, low=0)}


def _whole_metadata(config: HfConfig) -> dict[str, Any]:
    """Of a model that sees pictures, too: what its text part is."""
    config.ignore("vision_config", "image_token_index", "projector_hidden_act", "vision_feature_layer")
    config.ignore("multimodal_projector_bias", "spatial_merge_size")
    text = HfConfig(config.path, config.object("text_config"))
    config.assume("tie_word_embeddings", text.flag("tie_word_embeddings", False))
    made = text.choice("model_type", {"mistral": mistral_metadata, "ministral3": _ministral3_metadata}, "mistral")(text)
    text.check_all_read()
    return made


FAMILY = Family(
    build,
    gguf=("mistral3",),
    hf={
        "Ministral3ForCausalLM": HfForm("mistral3", _ministral3_metadata, TENSORS),
        "Mistral3ForConditionalGeneration": HfForm(
            "mistral3",
            _whole_metadata,
            TENSORS,
            is_tied=None,  # the files say, whatever the outer configuration does
            prefix="language_model.",
            unused=PICTURES,
        ),
    },
)
