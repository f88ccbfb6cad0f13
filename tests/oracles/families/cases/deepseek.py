"""DeepSeek V2 and V3."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

MLA = {
    "vocab_size": VOCAB,
    "hidden_size": 16,
    "intermediate_size": 24,
    "moe_intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "kv_lora_rank": 16,
    "q_lora_rank": 12,
    "qk_nope_head_dim": 24,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "first_k_dense_replace": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "n_group": 4,
    "topk_group": 2,
    "routed_scaling_factor": 1.5,
    "max_position_embeddings": 256,
}
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 64}


def _v2(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"deepseek2-{name}", "DeepseekV2ForCausalLM", "DeepseekV2Config", MLA | config, checks, **options)


def _v3(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"deepseek3-{name}", "DeepseekV3ForCausalLM", "DeepseekV3Config", MLA | config, checks, **options)


CASES = [
    _v2(
        "lite",
        "queries without a latent vector, experts without groups, YaRN with mscale, a layer without experts",
        {
            "q_lora_rank": None,
            "topk_method": "greedy",
            "rope_parameters": YARN | {"mscale": 0.707, "mscale_all_dim": 0.707},
        },
        json={"moe_layer_freq": 1, "scoring_func": "softmax", "norm_topk_prob": False, "seq_aux": True},
        refused={"hidden_act": "gelu", "norm_topk_prob": True},
    ),
    _v2(
        "groups",
        "experts of the groups of the best experts; values longer than keys, biases",
        {
            "topk_method": "group_limited_greedy",
            "qk_nope_head_dim": 8,
            "v_head_dim": 24,
            "attention_bias": True,
            "mlp_bias": True,
            "rms_norm_eps": 1e-5,
        },
        dtype="float16",
        refused={"topk_method": "noaux_tc"},
    ),
    _v3(
        "plain",
        "experts of the groups of the best pairs, YaRN with mscale",
        {"rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0}},
        json={"topk_method": "noaux_tc", "scoring_func": "sigmoid", "ep_size": 1},
        refused={"scoring_func": "softmax", "rope_interleave": False},
    ),
    _v3(
        "unlike",
        "another magnitude of what rotates, weights that do not sum to one, no groups, tied head",
        {
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 0.5},
            "norm_topk_prob": False,
            "n_group": 1,
            "topk_group": 1,
            "q_lora_rank": None,
            "first_k_dense_replace": 0,
            "tie_word_embeddings": True,
        },
    ),
]
