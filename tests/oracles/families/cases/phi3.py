"""Phi 3, 3.5 and 4."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import LONGROPE, SMALL

PHI = {key: value for key, value in SMALL.items() if key != "head_dim"} | {
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
    "pad_token_id": 0,
}
SCALING = {"type": "longrope", "short_factor": LONGROPE["short_factor"], "long_factor": LONGROPE["long_factor"]}
PARTIAL = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.75}


def _phi(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"phi3-{name}", "Phi3ForCausalLM", "Phi3Config", PHI | config, checks, **options)


CASES = [
    _phi("window", "a window in all layers", {"sliding_window": 24}, dtype="float32", refused={"hidden_act": "gelu"}),
    _phi(
        "longrope",
        "longrope as the models on the hub have it",
        {
            "rope_parameters": LONGROPE | {"factor": None},
            "original_max_position_embeddings": 16,
            "max_position_embeddings": 192,
        },
        json={"rope_parameters": None, "rope_theta": 10000.0, "rope_scaling": SCALING, "attention_bias": False},
        prompt_lengths=(20, 37),
    ),
    _phi(
        "partial",
        "part of each head rotates, grouped queries, tied head (Phi 4 mini)",
        {"num_key_value_heads": 1, "rope_parameters": PARTIAL, "tie_word_embeddings": True},
        json={"full_attn_mod": 1, "interpolate_factor": 1, "lm_head_bias": False, "mlp_bias": False},
        refused={"full_attn_mod": 2, "lm_head_bias": True, "rope_scaling": {"type": "yarn", "factor": 2.0, "rank": 1}},
    ),
]
