"""Writes GGUF files that hold a vocabulary and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]

Value = bool | int | str | Sequence[str] | Sequence[int] | Sequence[float]


def byte_alphabet() -> list[str]:
    """GPT-2's character for each byte, by the rule of its paper's code: printable Latin-1 stays, the rest moves up."""
    moved = iter(range(256, 512))
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    return [chr(byte) if byte in printable else chr(next(moved)) for byte in range(256)]


def write_vocabulary(path: Path, **keys: Value) -> Path:
    """`keys` are tokenizer.ggml.<key>."""
    body = b"".join(_string(f"tokenizer.ggml.{key}") + _value(value) for key, value in keys.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)) + body)
    return path


def make_tokenizer(folder: Path, **keys: Value) -> Tokenizer:
    return Tokenizer.from_gguf(GgufFile(str(write_vocabulary(folder / "vocabulary.gguf", **keys))))


def spm_keys(
    tokens: dict[str, float], types: dict[str, int] | None = None, with_bytes: bool = True
) -> dict[str, Value]:
    """An SPM vocabulary: <unk>, <s>, </s>, the byte tokens, then `tokens` with their scores."""
    kinds = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL, **dict.fromkeys(BYTE_TOKENS, BYTE), **(types or {})}
    texts = ["<unk>", "<s>", "</s>", *(BYTE_TOKENS if with_bytes else []), *tokens]
    return {
        "model": "llama",
        "tokens": texts,
        "scores": [float(tokens.get(text, 0.0)) for text in texts],
        "token_type": [kinds.get(text, NORMAL) for text in texts],
    }


def bpe_keys(merges: Sequence[str], types: dict[str, int] | None = None, pre: str = "gpt-2") -> dict[str, Value]:
    """A byte-level BPE vocabulary: the 256 bytes, what the merges make, then the texts of `types`."""
    made = list(dict.fromkeys(merge.replace(" ", "") for merge in merges))
    texts = [*byte_alphabet(), *made, *(types or {})]
    return {
        "model": "gpt2",
        "pre": pre,
        "tokens": texts,
        "token_type": [(types or {}).get(text, NORMAL) for text in texts],
        "merges": list(merges),
    }


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<Ii", 5, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_string(str(text)) for text in value)
    kind, code = (6, "f") if value and isinstance(value[0], float) else (5, "i")
    return struct.pack(f"<IIQ{len(value)}{code}", 9, kind, len(value), *value)
