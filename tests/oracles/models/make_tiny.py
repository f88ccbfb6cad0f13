"""Tiny random Llama and Gemma 3 models as GGUF files, and transformers' float32 logits for them.

    python make_tiny.py [--out tiny]

Each NAME.gguf comes with NAME.npz: token_ids [n], rows [r] and logits [r, vocab] of those rows, computed by
transformers on the dequantised weights. Needs torch, transformers and gguf. The weights are spread wide enough that
attention is peaked and every part of the model moves the logits.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import gguf_to_transformers as convert
import numpy as np
import tiny_vocab
import torch
from numpy.typing import NDArray
from tiny_blocks import encode
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

N_TOKENS = 96
ROWS = np.unique(np.concatenate([np.arange(0, 96, 3), [30, 31, 32, 33, 62, 63, 64, 65, 94, 95]]))
CONTEXT = 512


@dataclass(frozen=True)
class Tiny:
    """One model: transformers' own config arguments, and the weight format of each kind of matrix."""

    architecture: str
    config: dict[str, Any]
    dtype: str
    per_tensor: dict[str, str] = field(default_factory=dict)


LEGACY = {
    "vocab_size": 307,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
WIDE = LEGACY | {"hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_key_value_heads": 1}
GEMMA = {
    "vocab_size": 323,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 7,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "sliding_window": 40,
}
ODD = {"hidden_size": 48, "intermediate_size": 80, "num_attention_heads": 3, "num_key_value_heads": 1}
UNTIED = {"intermediate_size": 64, "num_key_value_heads": 4, "head_dim": 32, "tie_word_embeddings": False}
BIAS = {"attention_bias": True, "mlp_bias": True}
SMALL_GEMMA = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 6, "sliding_window": 7}
K_FORMATS = {"ffn_down": "Q6_K", "ffn_up": "Q5_K", "attn_q": "Q3_K", "attn_output": "Q2_K", "token_embd": "Q6_K"}
IQ_FORMATS = {"ffn_down": "IQ4_XS", "ffn_up": "MXFP4", "attn_v": "BF16"}
MODELS = {
    "llama_f32": Tiny("llama", LEGACY | ODD, "F32"),
    "llama_untied_f16": Tiny("llama", LEGACY | UNTIED, "F16"),
    "llama_bias_q8_0": Tiny("llama", LEGACY | UNTIED | BIAS, "Q8_0"),
    **{f"llama_{dtype.lower()}": Tiny("llama", LEGACY, dtype) for dtype in ("Q4_0", "Q4_1", "Q5_0", "Q5_1")},
    "llama_k": Tiny("llama", WIDE, "Q4_K", K_FORMATS),
    "llama_iq": Tiny("llama", WIDE, "IQ4_NL", IQ_FORMATS),
    "gemma3_f32": Tiny("gemma3", GEMMA | SMALL_GEMMA, "F32"),
    "gemma3_q8_0": Tiny("gemma3", GEMMA, "Q8_0"),
}


def build(tiny: Tiny, rng: np.random.Generator) -> torch.nn.Module:
    """The transformers model with random weights drawn by numpy."""
    arguments = tiny.config | {"max_position_embeddings": CONTEXT, "attn_implementation": "eager"}
    gemma = tiny.architecture == "gemma3"
    config = Gemma3TextConfig(**arguments, query_pre_attn_scalar=32) if gemma else LlamaConfig(**arguments)
    model = (Gemma3ForCausalLM if gemma else LlamaForCausalLM)(config).float().eval()
    state = {}
    for name, tensor in model.state_dict().items():
        values = rng.standard_normal(tuple(tensor.shape)).astype(np.float32)
        if "norm" in name:
            values = np.float32(0 if gemma else 1) + values * np.float32(0.2)
        elif name.endswith("bias") or "embed" in name or "lm_head" in name:
            values *= np.float32(0.5)
        else:
            values *= np.float32(1.6 / np.sqrt(tensor.shape[1]))
        state[name] = torch.from_numpy(values)
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state, strict=True)
    return model


def permute(rows: NDArray[np.float32], n_heads: int) -> NDArray[np.float32]:
    """Halves of each head's rows to adjacent pairs: what llama.cpp's converter does to Llama's q and k."""
    head_dim = rows.shape[0] // n_heads
    halves = rows.reshape(n_heads, 2, head_dim // 2, *rows.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(rows.shape)


def gguf_tensors(model: torch.nn.Module, tiny: Tiny) -> dict[str, NDArray[np.float32]]:
    """The state dict under GGUF's names and conventions."""
    gemma = tiny.architecture == "gemma3"
    norms = convert.GEMMA3_NORMS if gemma else convert.LLAMA_NORMS
    inverse = {theirs: ours for ours, theirs in (convert.LAYER_NAMES | norms).items()}
    top = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    tensors = {}
    for name, tensor in model.state_dict().items():
        stem, kind = name.rsplit(".", 1)
        values = tensor.numpy()
        if stem in top:
            if stem == "lm_head" and model.config.tie_word_embeddings:
                continue
            target = top[stem]
        else:
            _, _, layer, part = stem.split(".", 3)
            target = f"blk.{layer}.{inverse[part]}"
            if not gemma and inverse[part] in heads:
                values = permute(values, heads[inverse[part]])
        if gemma and "norm" in stem:
            values = values + np.float32(1)
        tensors[f"{target}.{kind}"] = values
    return tensors


def write_gguf(model: torch.nn.Module, tiny: Tiny, path: Path, rng: np.random.Generator) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, tiny.architecture)
    writer.add_name(path.stem)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if tiny.architecture == "gemma3":
        writer.add_rope_freq_base(1e6)
        writer.add_sliding_window(config.sliding_window)
        tiny_vocab.add_spm(writer, config.vocab_size)
    else:
        writer.add_rope_freq_base(10000.0)
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_vocab_size(config.vocab_size)
        tiny_vocab.add_bpe(writer, config.vocab_size)
    for name, values in gguf_tensors(model, tiny).items():
        part = name.split(".")[-2]
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            data, kind = encode(rng, values, tiny.per_tensor.get(part, tiny.dtype))
            writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def logits(model: torch.nn.Module, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = model(torch.from_numpy(ids.astype(np.int64))[None], use_cache=False).logits[0].numpy()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("tiny"))
    out: Path = parser.parse_args().out
    out.mkdir(exist_ok=True)
    for seed, (name, tiny) in enumerate(MODELS.items()):
        rng = np.random.default_rng(seed)
        model = build(tiny, rng)
        write_gguf(model, tiny, out / f"{name}.gguf", rng)
        ids = rng.integers(0, tiny.config["vocab_size"], N_TOKENS).astype(np.int32)
        expected = logits(convert.load(out / f"{name}.gguf"), ids)
        if tiny.dtype == "F32":  # nothing is lost on the way through the file: the conversions undo each other
            np.testing.assert_allclose(expected, logits(model, ids), atol=1e-5 * np.abs(expected).max(), rtol=0)
        np.savez_compressed(out / f"{name}.npz", token_ids=ids, rows=ROWS, logits=expected[ROWS])
        print(f"{name}: max |logit| {np.abs(expected).max():.2f}, std {expected.std():.2f}")


if __name__ == "__main__":
    main()
