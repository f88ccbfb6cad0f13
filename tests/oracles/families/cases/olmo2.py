"""OLMo 2 and 3."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL, YARN


def _olmo(version: int, name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    classes = f"Olmo{version}ForCausalLM", f"Olmo{version}Config"
    return Case(f"olmo{version}-{name}", *classes, SMALL | {"pad_token_id": 0} | config, checks, **options)


ROPES = {"full_attention": YARN, "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}
CASES = [
    _olmo(2, "plain", "norms of all queries and keys, tied head", {}, dtype="float32"),
    _olmo(2, "biases", "biases, own head", {"attention_bias": True, "tie_word_embeddings": False}),
    _olmo(
        3,
        "ropes",
        "two rotations, windows in three of four layers",
        {"num_hidden_layers": 4, "sliding_window": 24, "rope_parameters": ROPES, "intermediate_size": 32},
        refused={"rope_parameters": {"full_attention": YARN, "sliding_attention": YARN}},
    ),
    _olmo(
        3,
        "older",
        "windows by layer_types",
        {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 40},
        json={"rope_parameters": None, "rope_theta": 500000.0},
        refused={"layer_types": ["linear_attention", "sliding_attention"]},
    ),
]
