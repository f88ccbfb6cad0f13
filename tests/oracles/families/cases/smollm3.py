"""SmolLM3."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

SMOLLM3 = {key: value for key, value in SMALL.items() if key != "head_dim"} | {
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
BIASES = {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False}


def _smollm3(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"smollm3-{name}", "SmolLM3ForCausalLM", "SmolLM3Config", SMOLLM3 | config, checks, **options)


CASES = [
    _smollm3(
        "interval",
        "layers without positions by an interval, tied head",
        {"num_hidden_layers": 4, "intermediate_size": 32},
        json={"no_rope_layers": None, "layer_types": None, "max_window_layers": 28},
        refused={"hidden_act": "gelu"},
    ),
    _smollm3(
        "windows",
        "layers without positions by a list, which have windows; biases, own head",
        {"no_rope_layers": [0, 1, 0], "num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 24}
        | BIASES,
        dtype="float16",
    ),
]
