"""Gemma 3, text."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

ROPES = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
}
GEMMA = {key: value for key, value in SMALL.items() if key != "num_hidden_layers"}
KINDS = ["sliding_attention", "sliding_attention", "full_attention"]
OLDER = {
    "rope_parameters": None,
    "rope_theta": 1000000.0,
    "rope_local_base_freq": 5000.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    "layer_types": None,
    "_sliding_window_pattern": None,
    "sliding_window_pattern": 2,
}
REFUSED = {"hidden_activation": "gelu", "attn_logit_softcapping": 50.0, "use_bidirectional_attention": True}


def _gemma3(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gemma3-{name}", "Gemma3ForCausalLM", "Gemma3TextConfig", GEMMA | config, checks, **options)


CASES = [
    _gemma3(
        "plain",
        "two rotations, windows, tied head",
        {"num_hidden_layers": 3, "layer_types": KINDS, "sliding_window": 24, "query_pre_attn_scalar": 24},
        refused=REFUSED,
    ),
    _gemma3(
        "older",
        "RoPE scaled, pattern by number",
        {"num_hidden_layers": 2, "sliding_window": 40, "rope_parameters": ROPES, "query_pre_attn_scalar": 16},
        json=OLDER,
    ),
]
