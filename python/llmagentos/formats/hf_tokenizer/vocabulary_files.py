"""Vocabularies in files of their own: vocab.json with merges.txt (byte-level BPE), and vocab.txt (WordPiece)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.files import read_text
from llmagentos.formats.hf_folder import read_json
from llmagentos.formats.hf_tokenizer.kinds import SAVE_HINT, kind_of
from llmagentos.formats.hf_tokenizer.settings import Settings
from llmagentos.formats.hf_tokenizer.special_tokens import add_tokens, put_around

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BYTE_LEVEL_ROLES = {
    "GPT2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
    "Roberta": {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "cls_token": "<s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    },
    "Qwen2": {"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
}
_BERT_ROLES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
# How Qwen splits a text before bytes are merged.
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level_rules(path: Path, settings: Settings) -> Tokenizer:
    """GPT-2's, RoBERTa's (and BART's), or Qwen's, from vocab.json and the merges.txt beside it.

    Raises:
        UnsupportedModelError: the folder's tokenizer is of another class.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    kind = kind_of(path.parent, settings) or "GPT2"
    if kind not in _BYTE_LEVEL_ROLES:
        raise UnsupportedModelError(f"a {kind}Tokenizer of vocab.json and merges.txt is not supported; {SAVE_HINT}")
    settings.default_roles(**_BYTE_LEVEL_ROLES[kind])
    lines = read_text(path.with_name("merges.txt")).split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    rules = Tokenizer(models.BPE(read_json(path), merges))  # type: ignore[arg-type]  # of two each, or it raises
    has_prefix = bool(settings.flag("add_prefix_space"))
    rules.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=has_prefix)
    rules.decoder = decoders.ByteLevel()
    add_tokens(rules, settings)
    if kind == "Qwen2":
        rules.normalizer = normalizers.NFC()
        splitting = pre_tokenizers.Split(Regex(_QWEN2), "isolated")
        merging = pre_tokenizers.ByteLevel(add_prefix_space=has_prefix, use_regex=False)
        rules.pre_tokenizer = pre_tokenizers.Sequence([splitting, merging])
    elif kind == "Roberta":
        put_around(rules, *_around(settings, "{cls} $A {sep}", "{cls} $A {sep} {sep} $B {sep}"))
    return rules


def word_piece_rules(path: Path, settings: Settings) -> Tokenizer:
    """BERT's, from a vocab.txt that has a token in each line.

    Raises:
        UnsupportedModelError: the folder's tokenizer is of another class.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    kind = kind_of(path.parent, settings) or "Bert"
    if kind != "Bert":
        raise UnsupportedModelError(f"a {kind}Tokenizer of vocab.txt is not supported; {SAVE_HINT}")
    settings.default_roles(**_BERT_ROLES)
    lines = read_text(path).split("\n")
    vocabulary = {line.rstrip("\r"): id for id, line in enumerate(lines[:-1] if not lines[-1] else lines)}
    rules = Tokenizer(models.WordPiece(vocabulary, unk_token=settings.role("unk_token") or "[UNK]"))
    rules.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.flag("tokenize_chinese_chars") is not False,
        strip_accents=settings.flag("strip_accents"),
        lowercase=settings.flag("do_lower_case") is not False,
    )
    rules.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rules.decoder = decoders.WordPiece(prefix="##")
    add_tokens(rules, settings)
    put_around(rules, *_around(settings, "{cls} $A {sep}", "{cls} $A {sep} $B:1 {sep}:1"))
    return rules


def _around(settings: Settings, *texts: str) -> list[str]:
    names = {"cls": settings.role("cls_token"), "sep": settings.role("sep_token")}
    return [text.format_map(names) for text in texts]
