"""gpt-oss."""

from __future__ import annotations

from tests.oracles.families.case import Case

from .llama import SMALL

CONFIG = SMALL | {
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "sliding_window": 24,
    "intermediate_size": 32,
    "tie_word_embeddings": False,
}

CASES = [
    Case(
        "gpt_oss-plain",
        "GptOssForCausalLM",
        "GptOssConfig",
        CONFIG,
        "sinks, windows, YaRN, biases of experts",
        refused={"swiglu_limit": 5.0, "quantization_config": {"quant_method": "gptq"}},
    ),
    Case(
        "gpt_oss-unscaled",
        "GptOssForCausalLM",
        "GptOssConfig",
        CONFIG
        | {
            "layer_types": ["full_attention", "sliding_attention"],
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "num_experts_per_tok": 4,
        },
        "windows by layer_types",
        dtype="float16",
    ),
]
