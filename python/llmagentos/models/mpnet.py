"""MPNet (Song et al., 2020): BERT's layers without token types, with biases by distance that all layers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmagentos.models import bert
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import encoder_metadata
from llmagentos.models.hf_tensors import TensorRule


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("relative_attention_num_buckets", 32)  # transformers reads 32 of a table, however many it has
    return encoder_metadata(config) | bert.roberta_positions(config)


_NAMES = (
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "attention.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


def _tensors(prefix: str, classifier: Mapping[str, str] | None = None) -> dict[str, TensorRule]:
    bias: TensorRule = prefix + "encoder.relative_attention_bias.weight"
    return bert.tensors(prefix, bert.LAYER, _NAMES, classifier) | {"attn_rel_b.weight": bias}


_MODEL = HfForm("mpnet", _metadata, _tensors(""), prefix="mpnet.", unused=("pooler.", "mpnet.pooler.", "lm_head."))

FAMILY = Family(
    bert.build,
    gguf=("mpnet",),
    hf={
        "MPNetModel": _MODEL,
        "MPNetForMaskedLM": _MODEL,
        "MPNetForSequenceClassification": HfForm(
            "mpnet",
            lambda config: _metadata(config) | classifier_metadata(config),
            _tensors("mpnet.", bert.ROBERTA_CLASSIFIER),
        ),
    },
    is_encoder=True,
)
