"""From SentencePiece models to the rules of the `tokenizers` package.

What a text becomes before it is split, the model's own settings say: the compiled normalisation, spaces that are
dropped, "▁" for a space. Which ids its pieces have, and what is around a text, the class says (`sentencepiece_forms`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.hf_tokenizer.kinds import SAVE_HINT, kind_of
from llmagentos.formats.hf_tokenizer.sentencepiece import (
    ModelType,
    Piece,
    PieceType,
    SentencePieceModel,
    read_sentencepiece,
)
from llmagentos.formats.hf_tokenizer.sentencepiece_forms import FORMS, SentencePieceForm
from llmagentos.formats.hf_tokenizer.settings import Settings
from llmagentos.formats.hf_tokenizer.special_tokens import add_tokens, put_around

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.decoders import Decoder
    from tokenizers.models import Model
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

_MARK = "▁"


def sentencepiece_rules(path: Path, settings: Settings) -> Tokenizer:
    """Of a folder that has a SentencePiece model.

    Raises:
        ModelFormatError: the model is broken.
        UnsupportedModelError: it is neither Unigram nor BPE, or of a class that this build does not know.
    """
    kind = kind_of(path.parent, settings)
    form = FORMS.get(kind)
    if form is None:
        raise UnsupportedModelError(f"a {kind}Tokenizer of a SentencePiece model is not supported; {SAVE_HINT}")
    settings.default_roles(**form.roles)
    model = read_sentencepiece(path)
    before, after = form.before(settings), form.after(settings)
    pieces = [
        *(Piece(text, type=PieceType.CONTROL) for text in before),
        *model.pieces[form.n_replaced :],
        *(Piece(text, type=PieceType.CONTROL) for text in after),
    ]
    unknown = settings.role("unk_token")
    unknown_id = before.index(unknown) if unknown in before else model.unknown_id - form.n_replaced + len(before)
    rules = rules_of(model, pieces, unknown_id, settings, always_prefixed=form.begins_with_space)
    rules.normalizer = _prepared(rules.normalizer, form, settings)
    add_tokens(rules, settings)
    names = {role: token.content for role, token in settings.roles.items()}
    names["src_lang"] = settings.text("src_lang", "en_XX")
    put_around(rules, form.single.format_map(names), form.pair.format_map(names))
    return rules


def rules_of(
    model: SentencePieceModel, pieces: list[Piece], unknown_id: int, settings: Settings, always_prefixed: bool = True
) -> Tokenizer:
    """A model's own rules.

    Args:
        pieces: by the ids that they are to have.
        unknown_id: of what no piece spells.
        always_prefixed: whether the text after a special token gets a space before it as a text's beginning does,
            unless the setting "legacy" tells.
    """
    from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers

    is_prefixed = model.add_dummy_prefix and settings.flag("add_prefix_space") is not False
    is_legacy = settings.flag("legacy")
    always_prefixed = always_prefixed if is_legacy is None else is_legacy
    defined = [piece.text for piece in pieces if piece.type is PieceType.USER_DEFINED]
    rules = Tokenizer(_model(model, pieces, unknown_id, is_whole=bool(defined)))
    rules.normalizer = _normalizer(model, doubles_mark=is_prefixed and always_prefixed)
    splitting: list[PreTokenizer] = []
    if is_prefixed:
        scheme = "always" if always_prefixed else "first"
        splitting.append(pre_tokenizers.Metaspace(replacement=_MARK, prepend_scheme=scheme, split=False))
    if defined:  # pieces that nothing is merged with, whatever is beside them
        pattern = "|".join(re.escape(text) for text in sorted(defined, key=len, reverse=True))
        splitting.append(pre_tokenizers.Split(Regex(pattern), behavior="isolated"))
    rules.pre_tokenizer = pre_tokenizers.Sequence(splitting)
    decoding: list[Decoder] = [decoders.Replace(_MARK, " ")]
    if model.byte_fallback:
        decoding.append(decoders.ByteFallback())
    decoding.append(decoders.Fuse())
    if is_prefixed:
        decoding.append(decoders.Strip(" ", 1, 0))
    rules.decoder = decoders.Sequence(decoding)
    rules.add_special_tokens([piece.text for piece in pieces if piece.type is PieceType.CONTROL])
    return rules


def _model(model: SentencePieceModel, pieces: list[Piece], unknown_id: int, is_whole: bool) -> Model:
    from tokenizers import models

    if model.type is ModelType.UNIGRAM:
        scored = [(piece.text, piece.score) for piece in pieces]
        return models.Unigram(scored, unknown_id, model.byte_fallback)
    if model.type is not ModelType.BPE:
        raise UnsupportedModelError(f"a SentencePiece model of type {model.type.name} is not supported")
    return models.BPE(
        {piece.text: id for id, piece in enumerate(pieces)},
        _merges(pieces),
        unk_token=pieces[unknown_id].text,
        fuse_unk=True,
        byte_fallback=model.byte_fallback,
        ignore_merges=is_whole,
    )


def _merges(pieces: list[Piece]) -> list[tuple[str, str]]:
    """The pairs that make a piece, best first: pieces are merged in order of their scores."""
    rank = {piece.text: (-piece.score, id) for id, piece in enumerate(pieces) if piece.type is PieceType.NORMAL}
    found = [
        (*order, text[:at], text[at:])
        for text, order in rank.items()
        for at in range(1, len(text))
        if text[:at] in rank and text[at:] in rank
    ]
    return [(left, right) for *_, left, right in sorted(found)]


def _normalizer(model: SentencePieceModel, doubles_mark: bool) -> Normalizer:
    """In SentencePiece's order."""
    from tokenizers import Regex, normalizers

    steps: list[Normalizer] = []
    if model.charsmap:
        steps.append(normalizers.Precompiled(model.charsmap))
    if model.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(r"\A +"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    if model.escape_whitespaces:
        steps.append(normalizers.Replace(" ", _MARK))
    if model.remove_extra_whitespaces:
        space = _MARK if model.escape_whitespaces else " "
        steps.append(normalizers.Replace(Regex(rf"{space}+\z"), ""))
    if doubles_mark:  # a text that begins with the mark gets one more, which Metaspace would leave out
        steps.append(normalizers.Replace(Regex(rf"\A{_MARK}"), _MARK * 2))
    return normalizers.Sequence(steps)


def _prepared(own: Normalizer | None, form: SentencePieceForm, settings: Settings) -> Normalizer:
    """The model's normalisation after what the class does before it."""
    from tokenizers import normalizers

    steps: list[Normalizer] = []
    if not form.keeps_accents:
        steps += [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
        if not settings.flag("keep_accents"):
            steps += [normalizers.NFKD(), normalizers.StripAccents()]
    is_lowercase = settings.flag("do_lower_case")
    if form.is_lowercase if is_lowercase is None else is_lowercase and form.is_lowercase is not None:
        steps.append(normalizers.Lowercase())
    return normalizers.Sequence([*steps, *([] if own is None else [own])])
