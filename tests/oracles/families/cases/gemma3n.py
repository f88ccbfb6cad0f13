"""Gemma 3n's text part, by itself and in a model that sees and hears."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

GEMMA3N = {
    "vocab_size": VOCAB,
    "hidden_size": 16,
    "intermediate_size": [24, 40, 24, 32, 24],
    "num_hidden_layers": 5,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 24,
    "vocab_size_per_layer_input": 79,
    "hidden_size_per_layer_input": 4,
    "num_kv_shared_layers": 2,
    "laurel_rank": 4,
    "activation_sparsity_pattern": [0.8, 0.6, 0.0, 0.3, 0.0],
}
LINEAR = {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0}
OLDER = {
    "rope_parameters": None,
    "rope_theta": 1000000.0,
    "rope_local_base_freq": 5000.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    "query_pre_attn_scalar": 256,
    "altup_lr_multiplier": 1.0,
}
# Of the class that sees and hears, whose towers transformers takes from another package: the text part alone.
TEXT = {key: value for key, value in GEMMA3N.items() if key != "layer_types"} | {"num_kv_shared_layers": 0}
WHOLE = {
    **dict.fromkeys(GEMMA3N),
    **dict.fromkeys(("altup_active_idx", "altup_coef_clip", "altup_correct_scale", "altup_num_inputs")),
    **dict.fromkeys(("attention_bias", "final_logit_softcapping", "hidden_activation", "rms_norm_eps")),
    **dict.fromkeys(("rope_parameters", "tie_word_embeddings", "use_cache")),
    "architectures": ["Gemma3nForConditionalGeneration"],
    "model_type": "gemma3n",
    "text_config": TEXT | {"model_type": "gemma3n_text"},
    "vision_config": {"model_type": "gemma3n_vision", "architecture": "mobilenetv5_300m_enc"},
    "audio_config": {"model_type": "gemma3n_audio", "conf_num_hidden_layers": 12},
    "vision_soft_tokens_per_image": 256,
    "audio_soft_tokens_per_image": 188,
    "image_token_id": 262145,
    "audio_token_id": 262273,
}
REFUSED = {
    "hidden_activation": "gelu",
    "num_kv_shared_layers": 4,
    "activation_sparsity_pattern": [0.95, 0.95],
    "intermediate_size": [24, 40],
    "layer_types": ["chunked_attention"] * 5,
}


def _gemma3n(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"gemma3n-{name}", "Gemma3nForCausalLM", "Gemma3nTextConfig", GEMMA3N | config, checks, **options)


CASES = [
    _gemma3n(
        "plain",
        "layers that share keys, sparse MLPs of several widths, ids without an embedding for each layer, tied head",
        {"final_logit_softcapping": 5.0},
        refused=REFUSED,
    ),
    _gemma3n(
        "unlike",
        "keys in all layers, dense MLPs, three parts, the second active and unscaled, biases, RoPE scaled, own head",
        {
            "num_hidden_layers": 3,
            "intermediate_size": 40,
            "num_kv_shared_layers": 0,
            "activation_sparsity_pattern": None,
            "altup_num_inputs": 3,
            "altup_active_idx": 1,
            "altup_correct_scale": False,
            "attention_bias": True,
            "layer_types": ["full_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {
                "full_attention": LINEAR,
                "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
            },
            "tie_word_embeddings": False,
        },
        json=OLDER,
        dtype="float16",
    ),
    Case(
        "gemma3n-whole",
        "Gemma3nForCausalLM",
        "Gemma3nTextConfig",
        TEXT,
        "the text part of a model that sees and hears",
        json=WHOLE,
    ),
]
