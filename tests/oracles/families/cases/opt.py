"""OPT."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "ffn_dim": 48,
    "max_position_embeddings": 128,
    "word_embed_proj_dim": 32,
}


def _opt(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"opt-{name}", "OPTForCausalLM", "OPTConfig", SMALL | config, checks, **options)


CASES = [
    _opt(
        "plain",
        "learned positions from row 2 on, ReLU, tied head",
        {},
        refused={
            "_remove_final_layer_norm": True,
            "activation_function": "gelu_10",
            "layer_norm_elementwise_affine": False,
        },
    ),
    _opt(
        "350m",
        "norms after the parts, an embedding of another width",
        {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
        dtype="float16",
    ),
    _opt(
        "unbiased",
        "no biases of projections, another activation, own head",
        {"enable_bias": False, "activation_function": "gelu", "tie_word_embeddings": False},
    ),
]
