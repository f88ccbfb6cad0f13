"""GPT-BigCode (Ben Allal et al., 2023), which is StarCoder's and SantaCoder's: GPT-2 with one key and value head."""

from __future__ import annotations

from functools import partial
from typing import Any

from llmagentos.models.family import Family, HfForm
from llmagentos.models.gpt2 import LAYER, MLP_TENSORS, SHARED_TENSORS, build
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import GPT2_FIELDS, activation_metadata, sizes_metadata
from llmagentos.models.hf_tensors import fused_qkv, grouped_qkv, with_biases


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("scale_attn_weights", True)
    config.expect("add_cross_attention", False)
    # How transformers and the models' first server computed and kept the cache.
    config.ignore("attention_softmax_in_fp32", "scale_attention_softmax_in_fp32", "inference_runner", "n_ctx")
    config.ignore("max_batch_size", "max_sequence_length", "pad_key_length", "pre_allocate_kv_cache")
    config.ignore("validate_runner_input", "num_key_value_heads")
    made = sizes_metadata(config, GPT2_FIELDS, is_four_times=True)
    return made | {
        **activation_metadata(config, "activation_function", "gelu_pytorch_tanh"),
        "attention.head_count_kv": 1 if config.flag("multi_query", True) else made["attention.head_count"],
    }


_TENSORS = {
    **SHARED_TENSORS,
    **MLP_TENSORS,
    **fused_qkv(LAYER + "attn.c_attn", grouped_qkv),
    **with_biases({"blk.{i}.attn_output": LAYER + "attn.c_proj"}),
}

FAMILY = Family(
    partial(build, usual_activation="gelu"),
    gguf=("starcoder",),
    hf={"GPTBigCodeForCausalLM": HfForm("starcoder", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
