"""BLOOM."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {"vocab_size": VOCAB, "hidden_size": 32, "n_layer": 2}
REFUSED = {"apply_residual_connection_post_layernorm": True, "slow_but_exact": True, "n_inner": 99}
# Fields as the models on the hub have them, which transformers takes under other names or not at all.
HUB = {
    "hidden_size": None,
    "n_embed": 24,
    "n_inner": None,
    "n_head": None,
    "num_attention_heads": 3,
    "attention_softmax_in_fp32": True,
    "bias_dropout_fusion": True,
    "masked_softmax_fusion": True,
    "offset_alibi": 100,
    "seq_length": 256,
    "skip_bias_add": True,
    "skip_bias_add_qkv": False,
    "unk_token_id": 0,
}


def _bloom(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"bloom-{name}", "BloomForCausalLM", "BloomConfig", SMALL | config, checks, **options)


CASES = [
    _bloom(
        "plain",
        "ALiBi, norm of the embedding, tied head",
        {"n_head": 4},
        dtype="float16",
        json={"seq_length": 128},
        refused=REFUSED,
    ),
    _bloom("hub", "three heads, own head", {"n_head": 3, "hidden_size": 24, "tie_word_embeddings": False}, json=HUB),
]
