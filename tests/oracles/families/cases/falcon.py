"""Falcon: the layers of 7B, of 40B, of 11B and of the first models, which have ALiBi."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "ffn_hidden_size": 64,
    "max_position_embeddings": 256,
}
NEW = {"new_decoder_architecture": True, "num_kv_heads": 2}
FIRST = {"alibi": True, "parallel_attn": False, "multi_query": False, "bias": True, "activation": "gelu_new"}
LINEAR = {"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}


def _falcon(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"falcon-{name}", "FalconForCausalLM", "FalconConfig", SMALL | config, checks, **options)


CASES = [
    _falcon(
        "7b",
        "one key and value head, one norm, tied head",
        {"bias": False},
        refused={
            "activation": "gelu_10",
            "num_ln_in_parallel_attn": 2,
            "apply_residual_connection_post_layernorm": True,
        },
    ),
    _falcon("40b", "two norms, grouped queries", NEW, dtype="float16", refused={"parallel_attn": False}),
    _falcon(
        "11b",
        "one norm in the layers of 40B, own head, RoPE scaled",
        NEW | {"num_ln_in_parallel_attn": 1, "tie_word_embeddings": False, "rope_parameters": LINEAR},
        json={"ff_factor": 4},
    ),
    _falcon("in-turn", "attention and MLP in turn, as many key heads, biases", FIRST | {"alibi": False}),
    # Eager attention of transformers 5 adds the bias twice.
    _falcon("alibi", "ALiBi", FIRST, attention="sdpa"),
]
