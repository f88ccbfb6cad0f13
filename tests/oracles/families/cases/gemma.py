"""Gemma 1, 2 and 3, text."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from .llama import SMALL

ROPES = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
}
GEMMA = {key: value for key, value in SMALL.items() if key != "num_hidden_layers"}
KINDS = ["sliding_attention", "sliding_attention", "full_attention"]
VISION = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "image_size": 8,
} | {"patch_size": 4}
OLDER = {
    "rope_parameters": None,
    "rope_theta": 1000000.0,
    "rope_local_base_freq": 5000.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    "layer_types": None,
    "_sliding_window_pattern": None,
    "sliding_window_pattern": 2,
}
REFUSED = {"hidden_activation": "gelu", "attn_logit_softcapping": 50.0, "use_bidirectional_attention": True}


def _gemma(version: str, name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    classes = f"Gemma{version}ForCausalLM", f"Gemma{version}Config"
    return Case(f"gemma{version or 1}-{name}", *classes, SMALL | config, checks, **options)


def _gemma3(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gemma3-{name}", "Gemma3ForCausalLM", "Gemma3TextConfig", GEMMA | config, checks, **options)


def _embedding(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    both_ways = {
        "num_hidden_layers": 3,
        "layer_types": KINDS,
        "sliding_window": 24,
        "use_bidirectional_attention": True,
    }
    classes = "Gemma3TextModel", "Gemma3TextConfig"
    return Case(f"gemma-embedding-{name}", *classes, GEMMA | both_ways | config, checks, kind="encoder", **options)


CASES = [
    _gemma("", "plain", "tied head", {}, dtype="float32", refused={"use_bidirectional_attention": True}),
    _gemma(
        "",
        "one-kv-head",
        "one head of keys and values, the first releases' config.json",
        {"num_key_value_heads": 1},
        json={"rope_parameters": None, "rope_theta": 10000.0, "hidden_act": "gelu", "hidden_activation": None},
        refused={"hidden_act": "silu"},
    ),
    _gemma(
        "2",
        "plain",
        "bounds on scores and logits, windows in every other layer",
        {"num_hidden_layers": 3, "sliding_window": 24, "query_pre_attn_scalar": 24, "attn_logit_softcapping": 2.0}
        | {"final_logit_softcapping": 5.0},
        json={"cache_implementation": "hybrid", "layer_types": None},
        refused={"use_bidirectional_attention": True, "hidden_activation": "gelu"},
    ),
    _gemma(
        "2",
        "unbounded",
        "no bounds, windows by layer_types",
        {"sliding_window": 24, "query_pre_attn_scalar": 16, "attn_logit_softcapping": None}
        | {"final_logit_softcapping": None, "layer_types": ["full_attention", "sliding_attention"]},
        refused={"layer_types": ["chunked_attention", "full_attention"]},
    ),
    _gemma3(
        "plain",
        "two rotations, windows, a bound on logits, tied head",
        {"num_hidden_layers": 3, "layer_types": KINDS, "sliding_window": 24, "query_pre_attn_scalar": 24}
        | {"final_logit_softcapping": 5.0},
        refused=REFUSED,
    ),
    _gemma3(
        "older",
        "RoPE scaled, pattern by number",
        {"num_hidden_layers": 2, "sliding_window": 40, "rope_parameters": ROPES, "query_pre_attn_scalar": 16},
        json=OLDER,
    ),
    Case(
        "gemma3-pictures",
        "Gemma3ForConditionalGeneration",
        "Gemma3Config",
        {
            "text_config": GEMMA | {"num_hidden_layers": 2, "layer_types": KINDS[1:], "sliding_window": 24},
            "vision_config": VISION,
            "mm_tokens_per_image": 4,
        },
        "the text part of a model that sees pictures",
        refused={"quantization_config": {"quant_method": "bitsandbytes"}},
    ),
    _embedding("plain", "attention to both sides, windows, two rotations", {}, refused={"hidden_activation": "gelu"}),
    _embedding(
        "older",
        "the configuration as version 4 wrote it",
        {"rope_parameters": ROPES, "query_pre_attn_scalar": 16, "sliding_window": 34},
        json=OLDER,
    ),
]
