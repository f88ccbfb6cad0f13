"""Small tokenizer.json files of each kind that GGUF can hold, and the ids of lines by `tokenizers`: folders.json.gz.

    python make_folders.py

Needs tokenizers. Each is trained on the models' text; it splits as the family does that it is named by.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from lines import make_lines
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
TEXT = HERE.parent / "models" / "text.txt"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = rf"{UPPER}*{LOWER}+|{UPPER}+{LOWER}*|\p{{N}}" + REST
GPT4O = rf"{UPPER}*{LOWER}+{CONTRACTIONS}?|{UPPER}+{LOWER}*{CONTRACTIONS}?|\p{{N}}{{1,3}}" + REST
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
HAN = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"


def splits(*expressions: str) -> Any:
    steps = [pre_tokenizers.Split(Regex(expression), "isolated") for expression in expressions]
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def gpt2(*steps: Any) -> Any:
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False)])


BYTE_LEVEL: dict[str, tuple[Any, bool]] = {
    "gpt-2": (pre_tokenizers.ByteLevel(add_prefix_space=False), False),
    "smollm": (gpt2(pre_tokenizers.Digits(individual_digits=True)), False),
    "llama-bpe": (splits(LLAMA3), True),
    "smaug-bpe": (splits(LLAMA3), False),
    "qwen2": (splits(QWEN2), False),
    "tekken": (splits(TEKKEN), True),
    "gpt-4o": (splits(GPT4O), False),
    "deepseek-v3": (splits(r"\p{N}{1,3}", HAN, DEEPSEEK3), False),
}


def byte_level(pre_tokenizer: Any, ignore_merges: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "<|im_end|>"],
        show_progress=False,
    )  # fmt: skip
    tokenizer.train([str(TEXT)], trainer)
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def by_score(prepend: bool) -> Tokenizer:
    """As transformers converts a SentencePiece model: each way to join two tokens to a third is a merge, in order."""
    base = Tokenizer(models.BPE())
    base.normalizer = normalizers.Replace(" ", "\u2581")
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    base.train_from_iterator([line for line in TEXT.read_text().splitlines() if line], trainer)
    learned = json.loads(base.to_str())["model"]
    special = ["<unk>", "<s>", "</s>"]
    letters = [text for text in learned["vocab"] if len(text) == 1]
    pieces = [*dict.fromkeys("".join(pair) for pair in learned["merges"])]
    vocabulary = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, *letters]
    ids = {text: id for id, text in enumerate(vocabulary)}
    known = {*pieces, *letters}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in known and piece[cut:] in known
    ]
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace]) if prepend else replace
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", ids["<s>"])]
    )
    return tokenizer


def main() -> None:
    made = {name: byte_level(*kind) for name, kind in BYTE_LEVEL.items()}
    made |= {"llama": by_score(prepend=True), "gemma": by_score(prepend=False)}
    lines = [line for line in make_lines()[::25] if line and "\u2581" not in line]
    record = {
        name: {
            "tokenizer": json.loads(tokenizer.to_str()),
            "ids": [tokenizer.encode(line).ids for line in lines],
        }
        for name, tokenizer in made.items()
    }
    with gzip.GzipFile(HERE / "folders.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps({"lines": lines, "tokenizers": record}).encode())


if __name__ == "__main__":
    main()
