"""MPNet."""

from __future__ import annotations

from .bert import LABELS, SMALL, encoder

CASES = [
    encoder(
        "mpnet-plain",
        "MPNetModel",
        "biases by distance",
        SMALL,
        refused={"relative_attention_num_buckets": 16},
    ),
    encoder(
        "mpnet-deeper",
        "MPNetModel",
        "heads and positions of other numbers",
        SMALL | {"num_attention_heads": 4, "num_hidden_layers": 3, "max_position_embeddings": 96},
        text_lengths=(1, 94),
    ),
    encoder("mpnet-mlm", "MPNetForMaskedLM", "the head for masked tokens left out", SMALL),
    encoder("mpnet-labels", "MPNetForSequenceClassification", "labels by name", SMALL | {"id2label": LABELS}),
]
