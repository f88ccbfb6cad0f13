"""DistilBERT."""

from __future__ import annotations

from tests.oracles.families.case import VOCAB

from .bert import LABELS, encoder

SMALL = {
    "vocab_size": VOCAB,
    "dim": 32,
    "hidden_dim": 48,
    "n_layers": 2,
    "n_heads": 2,
    "max_position_embeddings": 128,
}

CASES = [
    encoder("distilbert-plain", "DistilBertModel", "no token types", SMALL, refused={"activation": "mish"}),
    encoder(
        "distilbert-sinusoids",
        "DistilBertModel",
        "a table of sinusoids, another activation",
        SMALL | {"sinusoidal_pos_embds": True, "activation": "relu"},
    ),
    encoder("distilbert-mlm", "DistilBertForMaskedLM", "the head for masked tokens left out", SMALL),
    encoder("distilbert-labels", "DistilBertForSequenceClassification", "labels by name", SMALL | {"id2label": LABELS}),
]
