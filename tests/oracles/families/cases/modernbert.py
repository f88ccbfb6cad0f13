"""ModernBERT."""

from __future__ import annotations

from .bert import LABELS, SMALL, encoder

MODERN = SMALL | {"num_hidden_layers": 4, "local_attention": 16, "pad_token_id": 0}
OLDER = {
    "rope_parameters": None,
    "layer_types": None,
    "global_rope_theta": 5000.0,
    "local_rope_theta": 100.0,
    "global_attn_every_n_layers": 2,
}
ROPES = {
    "full_attention": {"rope_type": "default", "rope_theta": 5000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
}

CASES = [
    encoder(
        "modernbert-plain",
        "ModernBertModel",
        "windows to both sides, two rotations",
        MODERN,
        refused={"position_embedding_type": "relative_key", "hidden_activation": "mish"},
    ),
    encoder(
        "modernbert-older",
        "ModernBertModel",
        "the configuration as version 4 wrote it",
        MODERN | {"local_attention": 40, "rope_parameters": ROPES},
        json=OLDER,
    ),
    encoder(
        "modernbert-biases",
        "ModernBertModel",
        "biases everywhere, layers by layer_types",
        MODERN
        | {
            "attention_bias": True,
            "mlp_bias": True,
            "norm_bias": True,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "full_attention"],
        },
    ),
    encoder("modernbert-mlm", "ModernBertForMaskedLM", "the head for masked tokens left out", MODERN),
    encoder(
        "modernbert-labels",
        "ModernBertForSequenceClassification",
        "first row, labels by name",
        MODERN | {"id2label": LABELS},
        refused={"classifier_pooling": "max"},
    ),
    encoder(
        "modernbert-mean",
        "ModernBertForSequenceClassification",
        "mean of the rows, biases of the head",
        MODERN | {"num_labels": 2, "classifier_pooling": "mean", "classifier_bias": True, "norm_bias": True},
    ),
]
