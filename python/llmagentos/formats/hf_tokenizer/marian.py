"""Marian's tokenizers (Junczys-Dowmunt et al., 2018): a SentencePiece model, whose pieces vocab.json numbers anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_folder import read_json
from llmagentos.formats.hf_tokenizer.sentencepiece import ModelType, Piece, PieceType, read_sentencepiece
from llmagentos.formats.hf_tokenizer.sentencepiece_rules import rules_of
from llmagentos.formats.hf_tokenizer.settings import Settings
from llmagentos.formats.hf_tokenizer.special_tokens import add_tokens, put_around

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Stands before a token that no source text has, and is no character, so that none has it.
_UNREACHABLE = "\U0010ffff"
_ROLES = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def marian_rules(path: Path, settings: Settings) -> Tokenizer:
    """Of source.spm and the vocab.json beside it. Tokens of the target language are decoded, and never encoded.

    Raises:
        ModelFormatError: a file is broken.
        UnsupportedModelError: source and target have vocabularies of their own.
    """
    from tokenizers import AddedToken, decoders

    if settings.flag("separate_vocabs"):
        raise UnsupportedModelError("Marian models with separate vocabularies are not supported")
    settings.default_roles(**_ROLES)
    numbers, file = path.with_name("vocab.json"), str(path.with_name("vocab.json"))
    tokens = {id: text for text, id in read_json(numbers).items()}
    if sorted(tokens) != list(range(len(tokens))):
        raise ModelFormatError(f"{numbers} must number its tokens from 0 on", file)
    model = read_sentencepiece(path)
    if model.type is not ModelType.UNIGRAM:
        raise UnsupportedModelError(f"a Marian model with pieces of type {model.type.name} is not supported")
    scores = {piece.text: piece.score for piece in model.pieces if piece.type is PieceType.NORMAL}
    lowest = min(scores.values(), default=0.0)
    special = {token.content for token in settings.roles.values()}
    languages = [text for text in tokens.values() if text.startswith(">>") and text.endswith("<<")]
    pieces = []
    for id in range(len(tokens)):
        text = tokens[id]
        if text in special:
            pieces.append(Piece(text, type=PieceType.CONTROL))
        elif text in scores or text in languages:
            pieces.append(Piece(text, scores.get(text, lowest)))
        else:
            pieces.append(Piece(_UNREACHABLE + text, lowest))
    unknown = [id for id, text in tokens.items() if text == settings.role("unk_token")]
    if not unknown:
        raise ModelFormatError(f"{numbers} has no unknown token", file)
    rules = rules_of(model, pieces, unknown[0], settings)
    rules.decoder = decoders.Sequence([decoders.Replace(_UNREACHABLE, ""), rules.decoder])
    rules.add_tokens([AddedToken(text, normalized=False) for text in languages])
    add_tokens(rules, settings)
    put_around(rules, "$A </s>", "$A $B </s>")
    return rules
