"""The sentences that say most of what a text says.

Sentences are ranked by LexRank (Erkan and Radev, 2004): those that many others are like, which are themselves like
many. A topic moves the ranks towards the sentences about it (Otterbacher, Erkan and Radev, 2005). Out of the ranked
ones, those are taken that fit into the length and repeat little of what is taken already (maximal marginal relevance;
Carbonell and Goldstein, 1998).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from reading import Sentence

from llmagentos.tools.words import ENGLISH_STOP_WORDS, words

CHUNK = 400  # sentences that are compared with one another; longer texts go chunk by chunk
_DAMPING = 0.85
_ROUNDS = 60
_LEADS, _LEAD = 1.5, 3.0  # how much the first sentence of a paragraph, and of a text, counts as a start; others 1
_REPETITION = 0.5  # the similarity to a sentence that is taken, beyond which another says nothing new
_ABOUT_AS_MUCH = 0.8  # of what another sentence mentions of the topic, from which on one is about it as well
# What marks a sentence that sums up (the cue method; Edmundson, 1969), and one that leans on the sentence before it.
_SUMS_UP = re.compile(
    r"\b(recommend\w*|conclu\w+|in short|in sum\w*|overall|therefore|as a result|results? show\w*|"
    r"we (find|show|propose)|decid\w+|most important\w*|key)\b",
    re.IGNORECASE,
)
_LEANS = re.compile(r"(it|this|that|these|those|they|he|she|most of them|such|but|however|also|one)\b", re.IGNORECASE)
_ENDING = re.compile(r"(?:ies|es|ed|ing|s|e|y)$")


def stems(text: str) -> list[str]:
    """The words that tell what a text is about, without English endings: enough to see that two are forms of one."""
    return [_stem(word) for word in words(text) if word not in ENGLISH_STOP_WORDS]


def _stem(word: str) -> str:
    short = _ENDING.sub("", word)
    return short if len(short) >= 3 else word


def extract(found: Sequence[Sentence], max_words: int, topic: str = "") -> list[Sentence]:
    """The sentences that say most, in their order, with `max_words` words together at most, or one that is longer.

    Args:
        topic: what they should be about; "" takes what the text is about. Where no sentence mentions it there are none.
    """
    chosen = list(found)
    if topic and not (chosen := _about(chosen, topic)):
        return []
    while len(chosen) > CHUNK:
        # Each chunk gives its best half, which is compared again.
        parts = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
        chosen = [sentence for part in parts for sentence in _best_half(part, topic)]
    return _picked(chosen, max_words, topic)


def keywords(found: Sequence[Sentence], number: int = 10) -> list[str]:
    """The words that occur most, in the form in which they mostly do, without stop words and numbers."""
    forms: dict[str, Counter[str]] = {}
    for sentence in found:
        for word in words(sentence.text):
            if word not in ENGLISH_STOP_WORDS and len(word) > 2 and not word[0].isdigit():
                forms.setdefault(_stem(word), Counter())[word] += 1
    ranked = sorted(forms.values(), key=lambda counted: -counted.total())
    return [counted.most_common(1)[0][0] for counted in ranked[:number]]


def _about(found: list[Sentence], topic: str) -> list[Sentence]:
    """The sentences that mention most of the topic, which must be half of its words at least; rare words count more."""
    wanted = set(stems(topic))
    mentioned = [wanted.intersection(stems(sentence.text)) for sentence in found]
    frequency = Counter(word for mention in mentioned for word in mention)
    weights = [sum(np.log(1 + len(found) / frequency[word]) for word in mention) for mention in mentioned]
    least = _ABOUT_AS_MUCH * max(weights, default=0)
    return [
        sentence
        for sentence, mention, weight in zip(found, mentioned, weights, strict=True)
        if mention and 2 * len(mention) >= len(wanted) and weight >= least
    ]


def _best_half(part: Sequence[Sentence], topic: str) -> list[Sentence]:
    scores = _ranks(_vectors(part, topic), part)
    kept = np.sort(np.argsort(-scores, kind="stable")[: len(part) // 2])
    return [part[number] for number in kept]


def _picked(found: Sequence[Sentence], max_words: int, topic: str) -> list[Sentence]:
    if not found:
        return []
    vectors = _vectors(found, topic)
    scores = _ranks(vectors, found)
    likeness = vectors[: len(found)] @ vectors[: len(found)].T
    taken: list[int] = []
    left = max_words
    for number in np.argsort(-scores, kind="stable"):
        length = len(found[number].text.split())
        fits = length <= left or not taken
        if fits and all(likeness[number, other] < _REPETITION for other in taken):
            taken.append(int(number))
            left -= length
    return [found[number] for number in sorted(taken)]


def _vectors(found: Sequence[Sentence], topic: str) -> NDArray[np.float64]:
    """Unit vectors of the sentences [n + 1, words], by tf-idf; the last is the topic's."""
    bags = [Counter(stems(sentence.text)) for sentence in found]
    frequency = Counter(word for bag in bags for word in bag)
    columns = {word: column for column, word in enumerate(frequency)}
    vectors = np.zeros((len(bags) + 1, max(1, len(columns))))
    for row, bag in enumerate([*bags, Counter(stems(topic))]):
        for word, count in bag.items():
            if word in columns:
                vectors[row, columns[word]] = count * np.log(1 + len(bags) / frequency[word])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float64)


def _ranks(vectors: NDArray[np.float64], found: Sequence[Sentence]) -> NDArray[np.float64]:
    own, topic = vectors[:-1], vectors[-1]
    if topic.any():
        start = own @ topic + 1e-6
    else:
        start = np.array([_LEADS if sentence.leads else 1.0 for sentence in found])
        start[0] = _LEAD
    start = start / start.sum()
    likeness = own @ own.T
    np.fill_diagonal(likeness, 0)
    sums = likeness.sum(axis=1, keepdims=True)
    steps = np.where(sums > 0, likeness / np.where(sums > 0, sums, 1), start)
    ranks = start
    for _ in range(_ROUNDS):
        ranks = (1 - _DAMPING) * start + _DAMPING * ranks @ steps
    factors = [
        (1.5 if _SUMS_UP.search(sentence.text) else 1) * (0.5 if _LEANS.match(sentence.text) else 1)
        for sentence in found
    ]
    return np.asarray(ranks * np.array(factors), np.float64)
