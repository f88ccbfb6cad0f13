"""Phi 1, 1.5 and 2."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

PHI = {key: value for key, value in SMALL.items() if key != "head_dim"} | {"num_attention_heads": 2}


def _phi(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"phi2-{name}", "PhiForCausalLM", "PhiConfig", PHI | config, checks, **options)


CASES = [
    _phi(
        "plain",
        "parallel residual, half of each head rotates, head with bias",
        {"tie_word_embeddings": False},
        dtype="float32",
        refused={"hidden_act": "relu"},
    ),
    _phi(
        "qk-norms",
        "norms of q and k, grouped queries, another part rotates",
        {"qk_layernorm": True, "num_key_value_heads": 1, "tie_word_embeddings": False}
        | {"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.75}},
    ),
]
