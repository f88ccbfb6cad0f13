"""MPT."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {"vocab_size": VOCAB, "d_model": 32, "n_layers": 2, "max_seq_len": 256}
ATTENTION = {"clip_qkv": 1.5, "softmax_scale": 0.4}
REFUSED = {
    "attn_config": {"alibi": False},
    "expansion_ratio": 2,
    "logit_scale": 0.5,
    "no_bias": False,
}
# Fields as the models on the hub have them, which transformers does not read.
HUB = {
    "architectures": ["MPTForCausalLM"],
    "init_config": {"name": "kaiming_normal_"},
    "tokenizer_name": "EleutherAI/gpt-neox-20b",
    "verbose": 0,
}


def _mpt(name: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    return Case(f"mpt-{name}", "MptForCausalLM", "MptConfig", SMALL | config, checks, **options)


CASES = [
    _mpt("plain", "ALiBi, tied head", {"n_heads": 2}, json=HUB, refused=REFUSED),
    _mpt(
        "bounded",
        "three heads, bounded projections, scores scaled otherwise",
        {"n_heads": 3, "d_model": 24, "attn_config": ATTENTION},
        dtype="float16",
        refused={"attn_config": {"qk_ln": True}},
    ),
]
