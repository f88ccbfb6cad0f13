"""Writes a Llama of about 1B parameters with random weights, for measuring speed at a size that no small model has.

usage: python benchmarks/make_random_llama.py OUT.gguf [--type q4_0|q8_0|q4_k_m] [--tied] [--layers N] [--experts N] ...

Types are mixed as llama.cpp's quantiser mixes them. The vocabulary is bytes and fillers: any text can be a prompt, and
what comes out means nothing. Each tensor is cut out of one pool of quantised random blocks, and written before the
next one is made.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from llmagentos._core import quant

# For each type: of most matrices, of those given more bits, and of the output head.
TYPES = {
    "q4_0": ("Q4_0", "Q4_0", "Q6_K"),
    "q8_0": ("Q8_0", "Q8_0", "Q8_0"),
    "q4_k_m": ("Q4_K", "Q6_K", "Q6_K"),
}
FILE_TYPES = {
    "q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_k_m": gguf.LlamaFileType.MOSTLY_Q4_K_M,
}
POOL_VALUES = 1 << 20
DEVIATION = 0.02  # of the weights; a row of 2048 about keeps its input's size
SEED = 1

Tensors = Iterator[tuple[str, tuple[int, ...], str]]


def tensors(arguments: argparse.Namespace) -> Tensors:
    """Name, shape and type of every tensor."""
    body, more, head = TYPES[arguments.type]
    width, hidden, n_layers = arguments.width, arguments.hidden, arguments.layers
    kv_width = width // arguments.heads * arguments.kv_heads
    yield "token_embd.weight", (arguments.vocab, width), head if arguments.tied else body
    for i in range(n_layers):
        # llama.cpp's use_more_bits: the first and last eighth of the layers, and every third between them.
        is_first_or_last = i < n_layers // 8 or i >= 7 * n_layers // 8
        rich = more if is_first_or_last or (i - n_layers // 8) % 3 == 2 else body
        yield f"blk.{i}.attn_norm.weight", (width,), "F32"
        yield f"blk.{i}.attn_q.weight", (width, width), body
        yield f"blk.{i}.attn_k.weight", (kv_width, width), body
        yield f"blk.{i}.attn_v.weight", (kv_width, width), rich
        yield f"blk.{i}.attn_output.weight", (width, width), body
        yield f"blk.{i}.ffn_norm.weight", (width,), "F32"
        n, suffix = ((arguments.experts,), "_exps") if arguments.experts else ((), "")
        if arguments.experts:
            yield f"blk.{i}.ffn_gate_inp.weight", (arguments.experts, width), "F32"
        yield f"blk.{i}.ffn_gate{suffix}.weight", (*n, hidden, width), body
        yield f"blk.{i}.ffn_up{suffix}.weight", (*n, hidden, width), body
        yield f"blk.{i}.ffn_down{suffix}.weight", (*n, width, hidden), rich
    yield "output_norm.weight", (width,), "F32"
    if not arguments.tied:
        yield "output.weight", (arguments.vocab, width), head


class Pools:
    """A pool of random blocks for each weight format, from which tensors are cut at random places."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)
        values = self._random.standard_normal(POOL_VALUES, dtype=np.float32) * np.float32(DEVIATION)
        self._blocks: dict[str, NDArray[np.uint8]] = {}
        self._values = values

    def tensor(self, shape: tuple[int, ...], dtype: str) -> NDArray[np.uint8]:
        """The tensor's bytes, flat."""
        n = int(np.prod(shape))
        if dtype == "F32":
            values = np.ones(n, np.float32) if len(shape) == 1 else self._random.standard_normal(n, dtype=np.float32)
            return values.view(np.uint8)
        per_block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[dtype]]
        if dtype not in self._blocks:
            data = np.frombuffer(quant.quantize(self._values, dtype), np.uint8)
            self._blocks[dtype] = data.reshape(-1, block_bytes)
        blocks = self._blocks[dtype]
        # Runs of an odd length at random places: rows do not repeat each other.
        length = 1021
        n_runs = -(-n // per_block // length)
        starts = self._random.integers(0, len(blocks) - length, n_runs)
        runs = [blocks[start : start + length] for start in starts]
        return np.concatenate(runs)[: n // per_block].reshape(-1)


def write_metadata(writer: gguf.GGUFWriter, arguments: argparse.Namespace) -> None:
    writer.add_name(f"random-llama-{arguments.type}")
    writer.add_file_type(FILE_TYPES[arguments.type])
    writer.add_context_length(arguments.context)
    writer.add_embedding_length(arguments.width)
    writer.add_block_count(arguments.layers)
    writer.add_feed_forward_length(arguments.hidden)
    writer.add_head_count(arguments.heads)
    writer.add_head_count_kv(arguments.kv_heads)
    writer.add_rope_dimension_count(arguments.width // arguments.heads)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    if arguments.experts:
        writer.add_expert_count(arguments.experts)
        writer.add_expert_used_count(arguments.experts_used)
    writer.add_vocab_size(arguments.vocab)
    special = ["<unk>", "<s>", "</s>", "\u2581"]  # the last one is how this kind of vocabulary spells a space
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    fillers = [f"<filler {i}>" for i in range(arguments.vocab - len(special) - len(byte_tokens))]
    kinds = gguf.TokenType
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*special, *byte_tokens, *fillers])
    writer.add_token_scores([0.0] * arguments.vocab)
    writer.add_token_types(
        [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, kinds.NORMAL, *[kinds.BYTE] * 256, *[kinds.UNUSED] * len(fillers)]
    )
    writer.add_add_space_prefix(False)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--type", choices=TYPES, default="q4_0")
    parser.add_argument("--tied", action="store_true", help="the embedding is the output head too")
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=8192)
    parser.add_argument("--experts", type=int, default=0, help="a mixture of this many; 0: none")
    parser.add_argument("--experts-used", type=int, default=2)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv-heads", type=int, default=8)
    parser.add_argument("--vocab", type=int, default=32000)
    parser.add_argument("--context", type=int, default=8192)
    arguments = parser.parse_args()
    if arguments.width % 256 or arguments.hidden % 256 or arguments.width % (2 * arguments.heads):
        parser.error("--width and --hidden must be multiples of 256, and heads must have an even size")
    if arguments.heads % arguments.kv_heads or arguments.vocab < 300:
        parser.error("--heads must be a multiple of --kv-heads, and --vocab at least 300")

    writer = gguf.GGUFWriter(arguments.out, "llama")
    write_metadata(writer, arguments)
    n_values = 0
    for name, shape, dtype in tensors(arguments):
        kind = gguf.GGMLQuantizationType[dtype]
        per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        n = int(np.prod(shape))
        n_values += n
        writer.add_tensor_info(name, shape, np.dtype(np.float32), n // per_block * block_bytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    pools = Pools()
    for _, shape, dtype in tensors(arguments):
        writer.write_tensor_data(pools.tensor(shape, dtype))
    writer.close()
    print(f"{arguments.out}: {n_values / 1e6:.0f} M parameters, {arguments.out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
