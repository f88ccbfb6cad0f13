"""Llama 4's text part, by itself and in a model that sees pictures."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import LLAMA3, SMALL

LLAMA4 = SMALL | {
    "hidden_size": 16,
    "intermediate_size": 16,
    "intermediate_size_mlp": 40,
    "num_hidden_layers": 4,
    "head_dim": 8,
    "num_local_experts": 3,
    "attention_chunk_size": 24,
    "floor_scale": 16,
    "attn_scale": 0.3,
    "tie_word_embeddings": False,
}
USUAL = {"attention_chunk_size": 8192, "floor_scale": 8192, "attn_scale": 0.1}
VISION = {
    "hidden_size": 8,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "vision_output_dim": 8,
    "projector_input_dim": 8,
    "projector_output_dim": 8,
    "image_size": 8,
    "patch_size": 4,
}


def _llama4(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"llama4-{name}", "Llama4ForCausalLM", "Llama4TextConfig", LLAMA4 | config, checks, **options)


CASES = [
    _llama4(
        "scout",
        "experts in all layers, chunks, every fourth layer without positions, heads normalised, RoPE as Llama 3.1's",
        {"rope_parameters": LLAMA3 | {"high_freq_factor": 1.0}},
        json={"no_rope_layers": [], "layer_types": None},
        refused={"hidden_act": "gelu"},
    ),
    _llama4(
        "maverick",
        "experts in every other layer, two a token, heads and queries as they are, biases",
        {
            "interleave_moe_layer_step": 2,
            "num_experts_per_tok": 2,
            "use_qk_norm": False,
            "no_rope_layers": [1, 0, 1, 1],
            "attn_temperature_tuning": False,
            "attention_bias": True,
        },
        dtype="float16",
        refused={"layer_types": ["sliding_attention"] * 4},
    ),
    _llama4(
        "unchunked",
        "no chunks, scaled queries; tied head",
        {"num_hidden_layers": 2, "attention_chunk_size": None, "no_rope_layers": [0, 1], "tie_word_embeddings": True},
    ),
    Case(
        "llama4-pictures",
        "Llama4ForConditionalGeneration",
        "Llama4Config",
        {"text_config": LLAMA4 | {"interleave_moe_layer_step": 2} | USUAL, "vision_config": VISION},
        "the text part of a model that sees pictures, lengths as the models on the hub have them",
    ),
]
