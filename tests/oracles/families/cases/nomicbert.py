"""Nomic BERT."""

from __future__ import annotations

from .bert import SMALL, encoder

CASES = [
    encoder("nomicbert-plain", "NomicBertModel", "rotary positions, SwiGLU", SMALL, refused={"hidden_act": "mish"}),
    encoder(
        "nomicbert-theta",
        "NomicBertModel",
        "another base",
        SMALL | {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0}, "num_attention_heads": 4},
    ),
]
