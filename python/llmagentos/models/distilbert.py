"""DistilBERT (Sanh et al., 2019): BERT's layers, half of them, without token types."""

from __future__ import annotations

from typing import Any

from llmagentos.models import bert
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, encoder_metadata

_FIELDS = SizeFields(width="dim", layers="n_layers", hidden="hidden_dim", heads="n_heads", eps=None)


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("sinusoidal_pos_embds", "tie_weights_")  # the tables are stored all the same
    config.ignore("qa_dropout", "seq_classif_dropout")
    return encoder_metadata(config, _FIELDS, activation_field="activation")


_LAYER = "transformer.layer.{i}."
_NAMES = (
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
)
_CLASSIFIER = {"cls": "pre_classifier", "cls.output": "classifier"}

_MODEL = HfForm("bert", _metadata, bert.tensors("", _LAYER, _NAMES), prefix="distilbert.", unused=("vocab_",))

FAMILY = Family(
    bert.build,
    gguf=(),
    hf={
        "DistilBertModel": _MODEL,
        "DistilBertForMaskedLM": _MODEL,
        "DistilBertForSequenceClassification": HfForm(
            "bert",
            lambda config: _metadata(config) | classifier_metadata(config, activation="relu"),
            bert.tensors("distilbert.", _LAYER, _NAMES, _CLASSIFIER),
        ),
    },
    is_encoder=True,
)
