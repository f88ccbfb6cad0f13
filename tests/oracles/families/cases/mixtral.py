"""Mixtral."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL


def _mixtral(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"mixtral-{name}", "MixtralForCausalLM", "MixtralConfig", SMALL | config, checks, **options)


CASES = [
    _mixtral(
        "plain",
        "two of four experts",
        {"num_local_experts": 4, "tie_word_embeddings": False},
        refused={"hidden_act": "gelu"},
    ),
    _mixtral(
        "many",
        "three of eight experts, tied head, windows",
        {"num_local_experts": 8, "num_experts_per_tok": 3, "intermediate_size": 24, "sliding_window": 24},
    ),
]
