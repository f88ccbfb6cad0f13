"""Qwen 2's and Qwen 3's mixtures of experts, and OLMoE."""

from __future__ import annotations

from tests.oracles.families.case import Case

from .llama import SMALL

EXPERTS = SMALL | {"num_experts": 6, "num_experts_per_tok": 2}
QWEN = EXPERTS | {"moe_intermediate_size": 32}
OLMOE = {name: value for name, value in EXPERTS.items() if name != "head_dim"} | {"intermediate_size": 24}

CASES = [
    Case(
        "qwen2moe-plain",
        "Qwen2MoeForCausalLM",
        "Qwen2MoeConfig",
        QWEN | {"num_experts_per_tok": 3, "shared_expert_intermediate_size": 48},
        "a shared expert, weights that do not sum to one",
        refused={"hidden_act": "gelu"},
    ),
    Case(
        "qwen2moe-mixed",
        "Qwen2MoeForCausalLM",
        "Qwen2MoeConfig",
        QWEN
        | {
            "num_hidden_layers": 3,
            "mlp_only_layers": [1],
            "norm_topk_prob": True,
            "shared_expert_intermediate_size": 32,
            "use_sliding_window": True,
            "sliding_window": 24,
            "max_window_layers": 2,
            "tie_word_embeddings": True,
        },
        "layers without experts, windows",
    ),
    Case(
        "qwen3moe-plain",
        "Qwen3MoeForCausalLM",
        "Qwen3MoeConfig",
        QWEN | {"norm_topk_prob": True, "decoder_sparse_step": 2, "tie_word_embeddings": True},
        "norms of q and k, experts in every other layer",
    ),
    Case(
        "qwen3moe-windows",
        "Qwen3MoeForCausalLM",
        "Qwen3MoeConfig",
        QWEN | {"use_sliding_window": True, "sliding_window": 40},
        "windows, weights that do not sum to one",
        dtype="float16",
    ),
    Case(
        "olmoe-plain",
        "OlmoeForCausalLM",
        "OlmoeConfig",
        OLMOE,
        "norms over all heads of q and k",
        refused={"clip_qkv": 8.0},
    ),
    Case(
        "olmoe-normalised",
        "OlmoeForCausalLM",
        "OlmoeConfig",
        OLMOE | {"norm_topk_prob": True, "num_experts_per_tok": 1},
        "one expert a token",
    ),
]
