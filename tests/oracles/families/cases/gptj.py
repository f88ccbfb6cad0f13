"""GPT-J."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .gpt2 import SMALL

# Fields as the model on the hub has them, which transformers does not read.
HUB = {"rotary": True, "scale_attn_weights": True, "summary_type": "cls_index", "gradient_checkpointing": False}


def _gptj(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gptj-{name}", "GPTJForCausalLM", "GPTJConfig", SMALL | config, checks, **options)


CASES = [
    _gptj(
        "plain",
        "half of each head rotates, bias of the head",
        {"rotary_dim": 8},
        json=HUB,
        refused={"activation_function": "gelu_10", "rotary": False, "scale_attn_weights": False},
    ),
    _gptj(
        "tied",
        "all of each head, own width of the MLP, tied head",
        {"rotary_dim": 16, "n_inner": 48, "activation_function": "relu", "tie_word_embeddings": True},
        dtype="float16",
    ),
]
