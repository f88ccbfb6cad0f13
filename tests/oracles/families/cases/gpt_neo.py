"""GPT-Neo."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_heads": 4,
    "max_position_embeddings": 128,
    "window_size": 24,
    "intermediate_size": 48,
}
MIXED = [[["global"], 1], [["local"], 2]]


def _gpt_neo(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gpt-neo-{name}", "GPTNeoForCausalLM", "GPTNeoConfig", SMALL | config, checks, **options)


CASES = [
    _gpt_neo(
        "plain",
        "windows in every other layer, scores unscaled, tied head",
        {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
        json={"gradient_checkpointing": False, "summary_type": "cls_index", "intermediate_size": 48},
        refused={"attention_layers": ["global", "sparse"], "activation_function": "gelu_10"},
    ),
    _gpt_neo(
        "mixed",
        "other kinds of layers by attention_types, own head",
        {"num_layers": 3, "attention_types": MIXED, "activation_function": "relu", "tie_word_embeddings": False},
        json={"attention_layers": None},
        refused={"attention_types": [[["global"], 2]]},
        dtype="float16",
        prompt_lengths=(1, 37, 11),
    ),
]
