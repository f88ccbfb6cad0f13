"""A summary in a model's own words, checked against the text: chunk by chunk, then together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from extract import extract, stems
from reading import Sentence, sentences

from llmagentos import LLM, SamplingParams
from llmagentos.tools.chunking import chunk_text

CHUNK_CHARACTERS = 1800  # of the text that a chat model reads at once; small models lose the thread in longer ones
MAX_TOKENS = 120  # of the summary of a chunk
MIN_SHARE = 0.9  # of a sentence's words that the text must have
_CHARACTERS = 4  # per token, about, in English; chunks that have more tokens than an encoder takes are made smaller

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DENIES = re.compile(r"\b(no|not|never|none|nobody|nothing|without|cannot)\b|n't\b", re.IGNORECASE)
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w-]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """A summary in a model's words.

    Attributes:
        n_left_out: sentences of the model that say what the text does not, and are left out.
        n_quoted: sentences of the text that stand where the model said nothing that could be kept.
    """

    text: str
    n_left_out: int
    n_quoted: int


def is_supported(sentence: str, text: Sequence[Sentence]) -> bool:
    """Whether a sentence says nothing that is plainly not in the text.

    One sentence of the text, or two that follow each other, must have all its numbers and names and most of its words,
    and deny something if it does: what is put together from here and there mostly says what nobody said. That a
    sentence passes does not make it true: who did what to whom is not looked at.
    """
    pairs = [f"{one.text} {other.text}" for one, other in pairwise(text)]
    return any(_is_within(sentence, part) for part in (pairs or [one.text for one in text]))


def _is_within(sentence: str, text: str) -> bool:
    own, known = stems(sentence), set(stems(text))
    return (
        bool(own)
        and set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(text))
        and all(set(stems(name)) <= known for name in _NAME.findall(sentence))
        and sum(word in known for word in own) >= MIN_SHARE * len(own)
        and (not _DENIES.search(sentence) or _DENIES.search(text) is not None)
    )


def word_summary(model: LLM, found: Sequence[Sentence], max_words: int) -> Wording:
    """Has a model summarise chunks, leaves out what the text does not support, and shortens the rest to `max_words`.

    Args:
        model: a chat model, or one that reads a text and writes its summary, such as bart-large-cnn.
    """
    chunks = _chunks(model, " ".join(sentence.text for sentence in found))
    kept: list[Sentence] = []
    n_left_out = n_quoted = 0
    for chunk, told in zip(chunks, _told(model, chunks), strict=True):
        written = sentences(told)
        supported = [sentence for sentence in written if is_supported(sentence.text, sentences(chunk))]
        n_left_out += len(written) - len(supported)
        if not supported:
            supported = extract(sentences(chunk), MAX_TOKENS // 4)
            n_quoted += len(supported)
        kept += supported
    # Shortening by choice rather than by another round of the model: a summary of summaries drifts from the text.
    short = extract(kept, max_words)
    return Wording(" ".join(sentence.text for sentence in short), n_left_out, n_quoted)


def _chunks(model: LLM, text: str) -> list[str]:
    limit = encoder_length(model)
    if limit is None:
        return [chunk.text for chunk in chunk_text(text, CHUNK_CHARACTERS)]
    size = limit * _CHARACTERS
    chunks = [chunk.text for chunk in chunk_text(text, size)]
    while any(len(model.tokenize(chunk)) > limit for chunk in chunks):
        size //= 2
        chunks = [chunk.text for chunk in chunk_text(text, size)]
    return chunks


def _told(model: LLM, chunks: Sequence[str]) -> list[str]:
    if encoder_length(model) is not None:
        return [model.generate_text(chunk) for chunk in chunks]
    asked = [
        [{"role": "user", "content": f"{chunk}\n\nSummarize the text above in two short sentences."}]
        for chunk in chunks
    ]
    answers = model.chat(asked, SamplingParams(temperature=0, max_tokens=MAX_TOKENS))
    return [_whole(answer.text) for answer in answers]


def _whole(text: str) -> str:
    """The text without a last sentence that was cut."""
    end = max(text.rfind(mark) for mark in ".!?")
    return text[: end + 1] if end >= 0 else text


def encoder_length(model: LLM) -> int | None:
    """Tokens that a model reads which is made to write summaries or translations; None of other models."""
    return getattr(model.info, "encoder_length", None)
