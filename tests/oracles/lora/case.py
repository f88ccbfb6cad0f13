"""The adapters of these oracles. Needs no torch, so that tests read the cases, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AdapterCase:
    """An adapter with random factors for one of the tiny models of tests/oracles/families.

    Attributes:
        name: of its folder below data/.
        base: the model's case.
        config: arguments of PEFT's LoraConfig.
        is_older: whether adapter_config.json keeps only the fields that the first versions wrote.
        is_merged: whether it is of a kind that can only be merged.
    """

    name: str
    base: str
    config: Mapping[str, Any] = field(default_factory=dict)
    is_older: bool = False
    is_merged: bool = False


def _merged(name: str, base: str, config: Mapping[str, Any]) -> AdapterCase:
    return AdapterCase(name, base, config, is_merged=True)


CASES = [
    AdapterCase(
        "llama-all-linear",
        "llama-plain",
        {
            "r": 4,
            "lora_alpha": 6,
            "target_modules": "all-linear",
            "rank_pattern": {"q_proj": 20, r"layers\.1\.mlp\.down_proj": 2},
            "alpha_pattern": {"^model.layers.0.self_attn.o_proj": 9.0},
        },
    ),
    AdapterCase(
        "llama-head", "llama-plain", {"r": 8, "target_modules": ["v_proj", "lm_head"], "layers_to_transform": [1]}
    ),
    AdapterCase("llama-own-head", "llama-biases", {"r": 3, "target_modules": r".*\.(k_proj|up_proj)|lm_head"}),
    AdapterCase(
        "qwen2-rslora",
        "qwen2-plain",
        {"r": 16, "lora_alpha": 4, "use_rslora": True, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    ),
    AdapterCase("gpt2-conv", "gpt2-plain", {"r": 5, "target_modules": "all-linear", "fan_in_fan_out": True}),
    AdapterCase("gpt2-older", "gpt2-inner", {"r": 4, "target_modules": ["c_attn", "c_proj"]}, is_older=True),
    AdapterCase("phi3-fused", "phi3-window", {"r": 4, "target_modules": ["qkv_proj", "gate_up_proj", "down_proj"]}),
    AdapterCase("gpt-neox-grouped", "gpt-neox-plain", {"r": 4, "target_modules": ["query_key_value", "dense_4h_to_h"]}),
    AdapterCase("mixtral-attention", "mixtral-plain", {"r": 4, "target_modules": ["q_proj", "v_proj", "o_proj"]}),
    AdapterCase(
        "qwen2moe-shared",
        "qwen2moe-plain",
        {"r": 4, "target_modules": ["v_proj", "shared_expert_gate", "shared_expert.down_proj"]},
    ),
    AdapterCase("gemma3-all-linear", "gemma3-plain", {"r": 4, "target_modules": "all-linear"}),
    AdapterCase("bart-attention", "bart-plain", {"r": 4, "target_modules": ["q_proj", "k_proj", "v_proj", "fc2"]}),
    AdapterCase("t5-all-linear", "t5-plain", {"r": 4, "target_modules": "all-linear"}),
    AdapterCase("bert-all-linear", "bert-plain", {"r": 4, "target_modules": ["query", "value", "dense"]}),
    _merged(
        "llama-dora", "llama-plain", {"r": 4, "use_dora": True, "target_modules": ["q_proj", "down_proj", "lm_head"]}
    ),
    _merged(
        "gpt2-dora", "gpt2-plain", {"r": 4, "use_dora": True, "target_modules": "all-linear", "fan_in_fan_out": True}
    ),
    _merged("phi3-dora", "phi3-window", {"r": 4, "use_dora": True, "target_modules": ["qkv_proj", "gate_up_proj"]}),
    _merged(
        "llama-saved",
        "llama-biases",
        {"r": 4, "target_modules": ["v_proj"], "modules_to_save": ["lm_head", "embed_tokens", "q_proj"]},
    ),
    _merged(
        "gemma3-saved",
        "gemma3-plain",
        {"r": 4, "target_modules": ["v_proj"], "modules_to_save": ["embed_tokens", "input_layernorm"]},
    ),
    _merged(
        "bert-saved",
        "bert-labels",
        {"r": 4, "task_type": "SEQ_CLS", "target_modules": ["query"], "modules_to_save": ["classifier"]},
    ),
]
