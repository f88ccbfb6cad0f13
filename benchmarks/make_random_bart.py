"""Writes a BART of bart-large-cnn's shape with random weights, to measure summaries without downloading one.

usage: python benchmarks/make_random_bart.py FOLDER [--layers N] [--width N]

What it writes means nothing, so a summary has exactly 100 tokens: min_length and max_length are the same.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

VOCAB, POSITIONS = 50264, 1024
DEVIATION = 0.02
TOKENS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
GENERATION = TOKENS | {
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
    "num_beams": 4,
    "length_penalty": 2.0,
    "early_stopping": True,
    "no_repeat_ngram_size": 3,
    "min_length": 100,
    "max_length": 100,
}

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def config(layers: int, width: int) -> dict[str, Any]:
    both = {f"{stack}_layers": layers for stack in ("encoder", "decoder")}
    both |= {f"{stack}_ffn_dim": 4 * width for stack in ("encoder", "decoder")}
    both |= {f"{stack}_attention_heads": width // 64 for stack in ("encoder", "decoder")}
    return (
        TOKENS
        | both
        | {
            "architectures": ["BartForConditionalGeneration"],
            "model_type": "bart",
            "is_encoder_decoder": True,
            "activation_function": "gelu",
            "d_model": width,
            "vocab_size": VOCAB,
            "max_position_embeddings": POSITIONS,
            "scale_embedding": False,
            "tie_word_embeddings": True,
            "normalize_before": False,  # these three for converters that still look for them
            "normalize_embedding": True,
            "add_final_layer_norm": False,
        }
    )


def linear(name: str, out: int, width: int) -> Shapes:
    yield f"{name}.weight", (out, width)
    yield f"{name}.bias", (out,)


def norm(name: str, width: int) -> Shapes:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def attention(name: str, width: int) -> Shapes:
    for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield from linear(f"{name}.{part}", width, width)
    yield from norm(f"{name}_layer_norm", width)


def tensors(layers: int, width: int) -> Shapes:
    """Name and shape of every tensor."""
    yield "model.shared.weight", (VOCAB, width)
    yield "final_logits_bias", (1, VOCAB)
    for stack, kinds in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "encoder_attn"))):
        yield f"model.{stack}.embed_positions.weight", (POSITIONS + 2, width)
        yield from norm(f"model.{stack}.layernorm_embedding", width)
        for i in range(layers):
            layer = f"model.{stack}.layers.{i}"
            for kind in kinds:
                yield from attention(f"{layer}.{kind}", width)
            yield from linear(f"{layer}.fc1", 4 * width, width)
            yield from linear(f"{layer}.fc2", width, 4 * width)
            yield from norm(f"{layer}.final_layer_norm", width)


def values(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    if len(shape) == 2 and "bias" not in name:
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(DEVIATION)
    return np.full(shape, "norm" in name and name.endswith("weight"), np.float32)


def write_safetensors(path: Path, shapes: list[tuple[str, tuple[int, ...]]]) -> int:
    """The file, tensor by tensor; returns the number of values."""
    header, at = {}, 0
    for name, shape in shapes:
        n_bytes = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(1)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes:
            file.write(values(name, shape, rng).tobytes())
    return at // 4


def write_tokenizer(folder: Path) -> None:
    """One word per id, which converters want to see."""
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {f"w{i}": i for i in range(4, VOCAB)}
    Tokenizer(WordLevel(words, unk_token="<unk>")).save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | special
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=12, help="of encoder and decoder each")
    parser.add_argument("--width", type=int, default=1024, help="a multiple of 64")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(arguments.layers, arguments.width), indent=1))
    (folder / "generation_config.json").write_text(json.dumps(GENERATION, indent=1))
    write_tokenizer(folder)
    n_values = write_safetensors(folder / "model.safetensors", list(tensors(arguments.layers, arguments.width)))
    print(f"{folder}: {n_values / 1e6:.0f} M parameters")


if __name__ == "__main__":
    main()
