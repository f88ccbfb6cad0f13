"""Granite."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

MULTIPLIERS = {
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.4,
    "residual_multiplier": 0.6,
    "logits_scaling": 1.7,
}


def _granite(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"granite-{name}", "GraniteForCausalLM", "GraniteConfig", SMALL | config, checks, **options)


CASES = [
    _granite("multipliers", "multipliers, tied head", MULTIPLIERS, refused={"hidden_act": "gelu"}),
    _granite(
        "biases",
        "biases, own head",
        {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False, "attention_multiplier": 0.25},
        dtype="float32",
    ),
]
