"""Llama, and every scaling of rotary positions: in the form of transformers 5 and in the one before."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}
BIASES = {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False, "num_key_value_heads": 4}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 64}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
    "long_factor": [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0],
    "original_max_position_embeddings": 16,
    "factor": 5.0,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}
MIXED = ["full_attention", "sliding_attention", "sliding_attention"]
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}


def _llama(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"llama-{name}", "LlamaForCausalLM", "LlamaConfig", SMALL | config, checks, **options)


def _mistral(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"mistral-{name}", "MistralForCausalLM", "MistralConfig", SMALL | config, checks, **options)


def _older(given: dict[str, Any]) -> dict[str, Any]:
    """config.json's fields before transformers 5."""
    scaling = {"type" if key == "rope_type" else key: value for key, value in given.items() if key != "rope_theta"}
    return {"rope_parameters": None, "rope_theta": given["rope_theta"], "rope_scaling": scaling}


CASES = [
    _llama("plain", "grouped queries, tied head", {}, dtype="float32", refused={"hidden_act": "gelu"}),
    _llama("biases", "biases, own head", BIASES, dtype="float16"),
    _llama("llama3", "RoPE scaled as Llama 3.1's", {"rope_parameters": LLAMA3}),
    _llama("linear", "linear", {"rope_parameters": LINEAR}, json=_older(LINEAR)),
    _llama("dynamic", "dynamic NTK", {"rope_parameters": DYNAMIC}),
    _llama(
        "yarn",
        "YaRN",
        {"rope_parameters": YARN | {"beta_fast": 4.0, "beta_slow": 0.5, "truncate": False}},
        refused={"rope_parameters": YARN | {"rope_type": "proportional"}},
    ),
    _llama("yarn-mscale", "with mscale", {"rope_parameters": YARN | {"mscale": 1.2, "mscale_all_dim": 0.7}}),
    _llama(
        "yarn-factor",
        "with a factor",
        {"rope_parameters": YARN | {"attention_factor": 0.8}},
        json=_older(YARN | {"attention_factor": 0.8}),
    ),
    _llama("longrope", "longrope", {"rope_parameters": LONGROPE}, prompt_lengths=(20, 37)),
    _llama(
        "longrope-factor",
        "with a factor",
        {"rope_parameters": LONGROPE | {"attention_factor": 0.9}},
        prompt_lengths=(20, 37),
    ),
    _mistral("window", "a window in all layers, own head", {"sliding_window": 24, "tie_word_embeddings": False}),
    _mistral(
        "plain",
        "no window, one head of keys and values",
        {"sliding_window": None, "num_key_value_heads": 1, "head_dim": None},
        refused={"layer_types": ["sliding_attention", "full_attention"]},
    ),
    Case(
        "ministral-mixed",
        "MinistralForCausalLM",
        "MinistralConfig",
        SMALL | {"num_hidden_layers": 3, "sliding_window": 24, "layer_types": MIXED},
        "windows by layer_types",
        refused={"layer_types": ["chunked_attention", *MIXED[1:]]},
    ),
    Case(
        "ministral-window",
        "MinistralForCausalLM",
        "MinistralConfig",
        SMALL | {"sliding_window": 40, "tie_word_embeddings": False},
        "a window in all layers",
        json={"layer_types": None},
    ),
]
