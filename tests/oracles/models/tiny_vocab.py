"""Tiny vocabularies for the tiny models: byte-level BPE and SPM, trained on text.txt by counting pairs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import gguf

TEXT = Path(__file__).with_name("text.txt")
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
BPE_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SPM_SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
SPACE = "\u2581"


def byte_alphabet() -> list[str]:
    """GPT-2's printable stand-in for each byte 0..255."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def train_merges(words: Counter[str], n: int) -> list[tuple[str, str]]:
    """The n most frequent pairs, one after the other; ties go to the lower pair."""
    split = {word: list(word) for word in words}
    merges = []
    for _ in range(n):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in zip(split[word], split[word][1:], strict=False):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for symbols in split.values():
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i : i + 2] = ["".join(best)]
                i += 1
    return merges


def add_bpe(writer: gguf.GGUFWriter, vocab_size: int) -> None:
    """A byte-level BPE vocabulary of exactly vocab_size tokens, with the `smollm` splitting."""
    words = Counter("\u0120" + word for word in TEXT.read_text().split())
    merges = train_merges(words, vocab_size - 256 - len(BPE_SPECIALS))
    tokens = BPE_SPECIALS + byte_alphabet() + [left + right for left, right in merges]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL] * len(BPE_SPECIALS) + [NORMAL] * (vocab_size - len(BPE_SPECIALS)))
    writer.add_token_merges([f"{left} {right}" for left, right in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)


def add_spm(writer: gguf.GGUFWriter, vocab_size: int) -> None:
    """An SPM vocabulary of exactly vocab_size tokens: specials, bytes, merged pieces by rank, then characters."""
    words = Counter(SPACE + word for word in TEXT.read_text().split())
    characters = [SPACE, *"abcdefghijklmnopqrstuvwxyz"]
    words = Counter({word: count for word, count in words.items() if set(word) <= set(characters)})
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    n_merges = vocab_size - len(SPM_SPECIALS) - len(bytes_) - len(characters)
    pieces = [left + right for left, right in train_merges(words, n_merges)] + characters
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(SPM_SPECIALS + bytes_ + pieces)
    unranked = [0.0] * (len(SPM_SPECIALS) + len(bytes_))
    writer.add_token_scores(unranked + [-float(rank) for rank in range(len(pieces))])
    special_types = [UNKNOWN if token == "<unk>" else CONTROL for token in SPM_SPECIALS]
    writer.add_token_types(special_types + [BYTE] * len(bytes_) + [NORMAL] * len(pieces))
    writer.add_pad_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_unk_token_id(3)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
