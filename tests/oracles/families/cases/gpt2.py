"""GPT-2."""

from __future__ import annotations

from tests.oracles.families.case import VOCAB, Case

SMALL = {"vocab_size": VOCAB, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128}

CASES = [
    Case(
        "gpt2-plain",
        "GPT2LMHeadModel",
        "GPT2Config",
        SMALL,
        "learned positions, tied head",
        refused={
            "scale_attn_by_inverse_layer_idx": True,
            "scale_attn_weights": False,
            "add_cross_attention": True,
            "activation_function": "relu",
        },
    ),
    Case(
        "gpt2-inner",
        "GPT2LMHeadModel",
        "GPT2Config",
        SMALL | {"n_inner": 48, "tie_word_embeddings": False, "layer_norm_epsilon": 1e-3},
        "own width of the MLP, own head",
        dtype="float32",
        json={"n_ctx": 128, "activation_function": "gelu_pytorch_tanh"},
    ),
]
