"""GPT-NeoX and Pythia."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 256,
}
# Fields as transformers wrote them before version 5.
OLDER = {"rope_parameters": None, "rotary_pct": 0.5, "rotary_emb_base": 2000}
WHOLE = {"rope_type": "linear", "rope_theta": 10000.0, "partial_rotary_factor": 1.0, "factor": 2.0}


def _gpt_neox(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gpt-neox-{name}", "GPTNeoXForCausalLM", "GPTNeoXConfig", SMALL | config, checks, **options)


CASES = [
    _gpt_neox(
        "plain",
        "attention and MLP side by side, a quarter of each head rotates",
        {},
        refused={"hidden_act": "gelu_10", "rope_parameters": {"rope_type": "proportional"}},
    ),
    _gpt_neox("older", "half of each head, in the form before transformers 5", {"hidden_act": "gelu_fast"}, json=OLDER),
    _gpt_neox(
        "in-turn",
        "attention and MLP in turn, no biases of attention, tied head, RoPE scaled",
        {
            "use_parallel_residual": False,
            "attention_bias": False,
            "tie_word_embeddings": True,
            "rope_parameters": WHOLE,
        },
        dtype="float16",
    ),
]
