"""T5, mT5 and UMT5."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL: dict[str, Any] = {
    "vocab_size": VOCAB,
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 40,
    "num_layers": 2,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
    "decoder_start_token_id": 0,
}
TOKENS = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}


def _case(
    name: str, kind: str, checks: str, config: dict[str, Any], generation: dict[str, Any], **options: Any
) -> Case:
    return Case(
        f"{kind.lower()}-{name}",
        f"{kind}ForConditionalGeneration",
        f"{kind}Config",
        SMALL | config,
        checks,
        generation=TOKENS | generation,
        prompt_lengths=(1, 45, 70),
        kind="encoder_decoder",
        **options,
    )


CASES = [
    _case(
        "plain",
        "T5",
        "version 1.0: ReLU, one embedding for all; a deeper encoder",
        {"num_decoder_layers": 1},
        {"max_length": 24},
        dtype="float32",
        refused={"feed_forward_proj": "gated-silu"},
    ),
    _case(
        "gated",
        "T5",
        "version 1.1 and Flan: gated GELU, no scaling of the head's input; config.json of an older version",
        {"feed_forward_proj": "gated-gelu"},
        {"max_length": 20, "num_beams": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 2, "min_length": 6},
        json={
            "tie_word_embeddings": False,
            "n_positions": 512,
            "scale_decoder_outputs": None,
            "dense_act_fn": None,
            "is_gated_act": None,
            "relative_attention_max_distance": 128,
            "output_past": True,
        },
    ),
    _case(
        "plain",
        "UMT5",
        "biases in every layer",
        {},
        {"max_length": 16, "num_beams": 3, "early_stopping": True},
    ),
    _case(
        "gated",
        "MT5",
        "gated GELU, no scaling of the head's input",
        {},
        {"max_length": 18, "num_beams": 2},
        json={"tie_word_embeddings": False, "tokenizer_class": "T5Tokenizer", "scale_decoder_outputs": None},
        refused={"feed_forward_proj": "gated-silu"},
    ),
    _case(
        "relu",
        "MT5",
        "ReLU, a deeper encoder",
        {"feed_forward_proj": "relu", "num_decoder_layers": 1},
        {"max_length": 21},
    ),
]
