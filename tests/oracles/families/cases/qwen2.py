"""Qwen 2 and 3."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

WINDOWS = {"num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 24, "max_window_layers": 1}


def _qwen(version: int, name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(
        f"qwen{version}-{name}",
        f"Qwen{version}ForCausalLM",
        f"Qwen{version}Config",
        {key: value for key, value in SMALL.items() if key != "head_dim" or version > 2} | config,
        checks,
        **options,
    )


CASES = [
    _qwen(2, "plain", "biases of q, k and v", {}, dtype="float32", refused={"hidden_act": "gelu"}),
    _qwen(2, "windows", "windows from a layer on, own head", WINDOWS | {"tie_word_embeddings": False}),
    _qwen(3, "plain", "norms of q and k", {"num_key_value_heads": 1}),
    _qwen(
        3,
        "windows",
        "windows by layer_types",
        WINDOWS
        | {
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "attention_bias": True,
        },
        dtype="float16",
    ),
]
