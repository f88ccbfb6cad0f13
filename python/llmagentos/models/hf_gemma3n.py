"""Gemma 3n as transformers has it: what GGUF's metadata are of its config.json, and where its tensors are."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.altup import CORRECT_SCALE
from llmagentos.models.fused import MOST_STACKED
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import DECODER_TENSORS, SizeFields, sizes_metadata, window_metadata
from llmagentos.models.hf_rope import two_ropes_metadata
from llmagentos.models.hf_tensors import TensorRule

LOCAL_ROPE_BASE = 10000.0
GLOBAL_EVERY = 5
_N_SPARSE = 10  # layers where nothing says which are, in models of more
_USUAL = {
    "vocab_size": 262400,
    "hidden_size": 2048,
    "intermediate_size": 16384,
    "num_hidden_layers": 35,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "max_position_embeddings": 32768,
    "sliding_window": 512,
    "final_logit_softcapping": 30.0,
    "hidden_size_per_layer_input": 256,
    "altup_active_idx": 0,
    "altup_num_inputs": 4,
    "num_kv_shared_layers": 15,
}


def deviations_of(share: float) -> float:
    """From how many standard deviations on a normal distribution has all but this share; -infinity for none."""
    return NormalDist().inv_cdf(share) if share > 0 else -math.inf


def text_metadata(config: HfConfig) -> dict[str, Any]:
    for field, value in _USUAL.items():
        config.assume(field, value, unless_null=field in ("final_logit_softcapping", "sliding_window"))
    config.expect("hidden_activation", "gelu_pytorch_tanh")
    config.ignore("attention_bias", "laurel_rank", "vocab_size_per_layer_input")  # the tensors say
    config.ignore("altup_coef_clip", "altup_lr_multiplier", "query_pre_attn_scalar")  # of training, and of no use
    made = sizes_metadata(config, SizeFields(hidden=None, eps="rms_norm_eps"), eps=1e-6, norm="rms")
    n_layers, head_dim = made["block_count"], config.integer("head_dim", low=1)
    config.integer("sliding_window", low=1)
    made |= {
        "feed_forward_length": _widths(config, n_layers),
        "attention.head_count_kv": config.integer("num_key_value_heads", low=1),
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        "attention.shared_kv_layers": config.integer("num_kv_shared_layers"),
        "embedding_length_per_layer_input": config.integer("hidden_size_per_layer_input", low=1),
        "final_logit_softcapping": config.number("final_logit_softcapping", 0.0),
        "altup.num_inputs": config.integer("altup_num_inputs", low=1),
        "altup.active_idx": config.integer("altup_active_idx"),
        "activation_sparsity_scale": _deviations(config, n_layers),
        **window_metadata(config, [(i + 1) % GLOBAL_EVERY != 0 for i in range(n_layers)]),
        **two_ropes_metadata(config, head_dim, 1e6, config.number("rope_local_base_freq", LOCAL_ROPE_BASE)),
    }
    return made if config.flag("altup_correct_scale", True) else made | {CORRECT_SCALE: False}


def whole_metadata(config: HfConfig) -> dict[str, Any]:
    """Of a model that sees and hears, too: what its text part is."""
    config.ignore("vision_config", "audio_config", "vision_soft_tokens_per_image", "audio_soft_tokens_per_image")
    config.ignore(*(f"{kind}_token_id" for kind in ("boi", "eoi", "image", "boa", "eoa", "audio")))
    text = HfConfig(config.path, config.object("text_config"))
    config.assume("tie_word_embeddings", text.flag("tie_word_embeddings", True))
    made = text_metadata(text)
    text.check_all_read()
    return made


def _widths(config: HfConfig, n_layers: int) -> int | list[int]:
    """Inside the MLPs: one number, or one for each layer where they differ."""
    if not isinstance(config.get("intermediate_size"), list):
        return int(config.integer("intermediate_size", low=1))
    widths: list[int] = config.integers("intermediate_size")
    if len(widths) != n_layers or min(widths) < 1:
        raise UnsupportedModelError(f"{config.path}: intermediate_size={widths!r} is not of {n_layers} layers")
    return widths if len(set(widths)) > 1 else widths[0]


def _deviations(config: HfConfig, n_layers: int) -> list[float]:
    """Of each layer's MLP, by how much of the gate it leaves out."""
    n_sparse = _N_SPARSE if n_layers > _N_SPARSE else 0
    usual = [0.95 if i < n_sparse else 0.0 for i in range(n_layers)]
    pattern = config.numbers("activation_sparsity_pattern", usual)
    if len(pattern) != n_layers or not all(0 <= share < 1 for share in pattern):
        raise UnsupportedModelError(
            f"{config.path}: activation_sparsity_pattern={pattern!r} is not of {n_layers} layers' shares"
        )
    return [deviations_of(share) for share in pattern]


_LAYER = "model.layers.{i}."
TENSORS: dict[str, TensorRule] = {
    **DECODER_TENSORS,
    "per_layer_token_embd.weight": "model.embed_tokens_per_layer.weight",
    "per_layer_model_proj.weight": "model.per_layer_model_projection.weight",
    "per_layer_proj_norm.weight": "model.per_layer_projection_norm.weight",
    **{f"altup_proj.{k}.weight": f"model.altup_projections.{k}.weight" for k in range(MOST_STACKED)},
    **{f"altup_unembd_proj.{k}.weight": f"model.altup_unembed_projections.{k}.weight" for k in range(MOST_STACKED)},
    "blk.{i}.altup_correct_scale.weight": _LAYER + "altup.correct_output_scale",
    **{
        f"blk.{{i}}.{name}.weight": f"{_LAYER}{source}.weight"
        for name, source in {
            "attn_q_norm": "self_attn.q_norm",
            "attn_k_norm": "self_attn.k_norm",
            "post_attention_norm": "post_attention_layernorm",
            "ffn_norm": "pre_feedforward_layernorm",
            "post_ffw_norm": "post_feedforward_layernorm",
            "inp_gate": "per_layer_input_gate",
            "proj": "per_layer_projection",
            "post_norm": "post_per_layer_input_norm",
            "altup_correct_coef": "altup.correction_coefs",
            "altup_predict_coef": "altup.prediction_coefs",
            "altup_router": "altup.modality_router",
            "altup_router_norm": "altup.router_norm",
            "laurel_l": "laurel.linear_left",
            "laurel_r": "laurel.linear_right",
            "laurel_post_norm": "laurel.post_laurel_norm",
        }.items()
    },
}
# How names of tensors begin that belong to what sees and hears, in either place.
OTHER_SENSES = tuple(
    f"{place}{part}."
    for place in ("", "model.")
    for part in ("vision_tower", "audio_tower", "embed_vision", "embed_audio")
)
