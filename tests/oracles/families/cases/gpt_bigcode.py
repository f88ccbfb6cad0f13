"""GPT-BigCode, which is StarCoder's."""

from __future__ import annotations

from tests.oracles.families.case import VOCAB, Case

from .gpt2 import SMALL

# Fields as StarCoder has them, which transformers does not read.
HUB = {
    "inference_runner": 0,
    "max_batch_size": None,
    "max_sequence_length": None,
    "pad_key_length": True,
    "pre_allocate_kv_cache": False,
    "summary_type": "cls_index",
    "validate_runner_input": True,
}

CASES = [
    Case(
        "gpt-bigcode-plain",
        "GPTBigCodeForCausalLM",
        "GPTBigCodeConfig",
        SMALL | {"activation_function": "gelu", "n_inner": 48, "vocab_size": VOCAB},
        "one key and value head, tied head",
        json=HUB,
        refused={"scale_attn_weights": False, "add_cross_attention": True, "activation_function": "mish"},
    ),
    Case(
        "gpt-bigcode-heads",
        "GPTBigCodeForCausalLM",
        "GPTBigCodeConfig",
        SMALL | {"multi_query": False, "tie_word_embeddings": False, "layer_norm_epsilon": 1e-3},
        "as many key and value heads, own head",
        dtype="float16",
    ),
]
