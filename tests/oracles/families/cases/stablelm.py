"""StableLM."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

STABLELM = {key: value for key, value in SMALL.items() if key != "head_dim"} | {"num_attention_heads": 2}


def _stablelm(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"stablelm-{name}", "StableLmForCausalLM", "StableLmConfig", STABLELM | config, checks, **options)


CASES = [
    _stablelm(
        "plain",
        "layer norms, part of each head rotates, tied head",
        {"num_key_value_heads": 1, "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}},
        dtype="float32",
        refused={"qk_layernorm": True},
    ),
    _stablelm(
        "parallel",
        "parallel residual, biases of q, k and v, own head",
        {"use_parallel_residual": True, "use_qkv_bias": True, "tie_word_embeddings": False},
    ),
]
