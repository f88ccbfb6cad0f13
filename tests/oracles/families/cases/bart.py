"""BART, mBART, Pegasus, Marian and M2M100."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL: dict[str, Any] = {
    "vocab_size": VOCAB,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_ffn_dim": 40,
    "decoder_ffn_dim": 40,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "max_position_embeddings": 96,
}
SUMMARY = {
    "num_beams": 4,
    "length_penalty": 2.0,
    "early_stopping": True,
    "no_repeat_ngram_size": 3,
    "min_length": 8,
    "max_length": 20,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
}
BART = {"bos_token_id": 0, "decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}
PEGASUS = {"decoder_start_token_id": 0, "eos_token_id": 1, "forced_eos_token_id": 1, "pad_token_id": 0}
PAD = VOCAB - 1
MARIAN = {
    "decoder_start_token_id": PAD,
    "eos_token_id": 0,
    "forced_eos_token_id": 0,
    "pad_token_id": PAD,
    "bad_words_ids": [[PAD]],
}


def _case(
    name: str, kind: str, checks: str, config: dict[str, Any], generation: dict[str, Any], **options: Any
) -> Case:
    suffix = "MTModel" if kind == "Marian" else "ForConditionalGeneration"
    return Case(
        f"{kind.lower()}-{name}",
        kind + suffix,
        f"{kind}Config",
        SMALL | config,
        checks,
        generation=generation,
        prompt_lengths=(1, 45, 70),
        kind="encoder_decoder",
        **options,
    )


CASES = [
    _case(
        "plain",
        "Bart",
        "bart-large-cnn's generation settings",
        {"decoder_layers": 2},
        BART | SUMMARY,
        refused={"decoder_ffn_dim": 48, "activation_function": "gelu_10"},
    ),
    _case(
        "older",
        "Bart",
        "scaled embeddings, a deeper encoder, generation settings in config.json",
        {"scale_embedding": True, "activation_function": "relu", "tie_word_embeddings": True},
        {},
        json=BART
        | SUMMARY
        | {"early_stopping": False, "max_length": 16, "add_final_layer_norm": False, "classif_dropout": 0.0},
    ),
    _case(
        "plain",
        "MBart",
        "norms before sublayers; a language token first",
        {"decoder_start_token_id": 2, "scale_embedding": True, "activation_function": "relu"},
        BART
        | {
            "forced_bos_token_id": 9,
            "forced_eos_token_id": 2,
            "max_length": 18,
            "num_beams": 5,
            "no_repeat_ngram_size": 2,
        },
    ),
    _case(
        "start",
        "MBart",
        "a language token before the answer",
        {"decoder_start_token_id": 11, "dropout": 0.0},
        BART
        | {"decoder_start_token_id": 11, "max_length": 18, "num_beams": 2, "early_stopping": "never"}
        | {"no_repeat_ngram_size": 1},
        dtype="float16",
    ),
    _case(
        "plain",
        "Pegasus",
        "positions saved as constants",
        {"scale_embedding": True, "activation_function": "relu"},
        PEGASUS | {"max_length": 14, "num_beams": 8, "length_penalty": 0.6, "no_repeat_ngram_size": 2},
    ),
    _case(
        "greedy",
        "Pegasus",
        "one beam, the end forced at the greatest length",
        {"encoder_layers": 1, "decoder_layers": 2},
        PEGASUS | {"max_length": 12, "min_length": 12, "repetition_penalty": 1.5},
    ),
    _case(
        "plain",
        "Marian",
        "constant positions, SiLU; the padding token banned and its probability shared out",
        {"scale_embedding": True, "activation_function": "swish", "pad_token_id": PAD, "decoder_start_token_id": PAD},
        MARIAN | {"max_length": 20, "num_beams": 4, "renormalize_logits": True},
        refused={"share_encoder_decoder_embeddings": False},
    ),
    _case(
        "banned",
        "Marian",
        "the padding token banned",
        {"activation_function": "swish", "pad_token_id": PAD, "decoder_start_token_id": PAD},
        MARIAN | {"max_length": 12, "num_beams": 6, "no_repeat_ngram_size": 1},
    ),
    _case(
        "plain",
        "M2M100",
        "M2M100 and NLLB: other constants",
        {},
        BART | {"forced_bos_token_id": 17, "max_length": 16, "num_beams": 5, "no_repeat_ngram_size": 2},
    ),
]
