"""The names that GGUF has for ways to split text before byte-level BPE merges (tokenizer.ggml.pre)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_END = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SLASH_END = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_CONTRACTIONS}|{_WORD}|\p{{N}}{{1,3}}|{_END}"
_QWEN2 = rf"{_CONTRACTIONS}|{_WORD}|\p{{N}}|{_END}"
_LETTER_START = r"[^\r\n\p{L}\p{N}]?"
_GPT4O = (
    rf"{_LETTER_START}{_UPPER}*{_LOWER}+{_CONTRACTIONS}?|{_LETTER_START}{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
    rf"|\p{{N}}{{1,3}}|{_SLASH_END}"
)
_TEKKEN = rf"{_LETTER_START}{_UPPER}*{_LOWER}+|{_LETTER_START}{_UPPER}+{_LOWER}*|\p{{N}}|{_SLASH_END}"
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)

# By the steps that split, GPT-2's own expression as "gpt2", and whether a whole word is looked up before it is merged
# (ignore_merges).
_NAMES: dict[tuple[tuple[str, ...], bool], str] = {
    (("gpt2",), False): "gpt-2",
    (("digits", "gpt2"), False): "smollm",
    ((_LLAMA3,), True): "llama-bpe",
    ((_LLAMA3,), False): "smaug-bpe",
    ((_QWEN2,), False): "qwen2",
    ((_TEKKEN,), True): "tekken",
    ((_GPT4O,), False): "gpt-4o",
    ((r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", _DEEPSEEK3), False): "deepseek-v3",
}


def pre_name(pre_tokenizer: Mapping[str, Any] | None, ignores_merges: bool) -> str | None:
    """The name for tokenizer.json's pre_tokenizer; None where there is none."""
    steps = tuple(_steps(pre_tokenizer or {}))
    return _NAMES.get((steps, ignores_merges))


def _steps(pre_tokenizer: Mapping[str, Any]) -> Iterator[str]:
    kind = pre_tokenizer.get("type")
    if kind == "Sequence":
        for step in pre_tokenizer.get("pretokenizers", []):
            yield from _steps(step)
    elif kind == "ByteLevel" and not pre_tokenizer.get("add_prefix_space"):
        if pre_tokenizer.get("use_regex", True):
            yield "gpt2"
    elif kind == "Digits" and pre_tokenizer.get("individual_digits"):
        yield "digits"
    elif kind == "Split" and _keeps_all(pre_tokenizer):
        yield str(pre_tokenizer.get("pattern", {}).get("Regex"))
    else:
        yield str(pre_tokenizer)


def _keeps_all(split: Mapping[str, Any]) -> bool:
    """Whether matches become pieces and nothing is lost: written in two ways."""
    how = split.get("behavior"), bool(split.get("invert"))
    return how in (("Isolated", False), ("Removed", True))
