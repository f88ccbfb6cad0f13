"""The sampler by its definitions, in plain numpy and float64: sort everything, count everything, compare all pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.sampler import SamplerRow, probabilities

Floats = NDArray[np.float32]


@dataclass
class Settings:
    """SamplerRow's arguments, as the oracle reads them; sets of tokens are lists here."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_range: int = 0
    dry_breakers: list[int] = field(default_factory=list)
    logit_bias: dict[int, float] = field(default_factory=dict)
    allowed: list[int] | None = None
    no_repeat_ngram_size: int = 0
    min_tokens: int = 0
    end_ids: list[int] = field(default_factory=list)
    token_index: int = 0
    prompt_ids: list[int] = field(default_factory=list)
    output_ids: list[int] = field(default_factory=list)

    def row(self, vocab: int, **more: int) -> SamplerRow:
        sets = {
            "dry_breakers": bits(self.dry_breakers, vocab),
            "allowed": None if self.allowed is None else bits(self.allowed, vocab),
        }
        return SamplerRow(**{**vars(self), **sets}, **more)


def bits(tokens: list[int], vocab: int) -> NDArray[np.uint32]:
    """Bit t % 32 of word t // 32 for each token t; uint32 [ceil(vocab / 32)]."""
    words = np.zeros(-(-vocab // 32), np.uint32)
    for token in tokens:
        words[token // 32] |= np.uint32(1 << token % 32)
    return words


def random_logits(n: int, seed: int, scale: float = 3.0) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, n).astype(np.float32)


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def distribution(logits: Floats, settings: Settings) -> NDArray[np.float64]:
    """What a token is drawn from."""
    x = adjusted(logits.astype(np.float64), settings)
    if settings.temperature == 0:
        return (np.arange(len(x)) == np.argmax(x)).astype(np.float64)
    x /= settings.temperature
    if 0 < settings.top_k < len(x):
        x[x < np.sort(x)[-settings.top_k]] = -np.inf
    p = np.exp(log_softmax(x))
    if settings.top_p < 1:
        order = np.argsort(-p, kind="stable")
        before = np.cumsum(p[order]) - p[order]
        dropped = before >= settings.top_p
        dropped[0] = False
        p[order[dropped]] = 0
    p[p < settings.min_p * p.max()] = 0
    if settings.typical_p < 1:
        p = typical(p / p.sum(), settings.typical_p)
    return p / p.sum()


def typical(p: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """As transformers' TypicalLogitsWarper has it: ties with the last that is kept are kept."""
    surprise = np.full(len(p), np.inf)
    surprise[p > 0] = -np.log(p[p > 0])
    distance = np.abs(surprise - (p[p > 0] * surprise[p > 0]).sum())
    order = np.argsort(distance, kind="stable")
    last = min(int((np.cumsum(p[order]) < share).sum()), len(p) - 1)
    return np.where(distance <= distance[order[last]], p, 0)


def adjusted(x: NDArray[np.float64], settings: Settings) -> NDArray[np.float64]:
    """The logits after mask, bias, penalties, the least length and repeated n-grams."""
    allowed = range(len(x)) if settings.allowed is None else settings.allowed
    forbidden = np.isin(np.arange(len(x)), list(allowed), invert=True)
    for token, bias in settings.logit_bias.items():
        x[token] += bias
    for token in set(settings.prompt_ids) | set(settings.output_ids):
        x[token] = x[token] / settings.repetition_penalty if x[token] > 0 else x[token] * settings.repetition_penalty
    for token in set(settings.output_ids):
        x[token] -= settings.presence_penalty + settings.frequency_penalty * settings.output_ids.count(token)
    for token, length in repetitions(settings).items():
        x[token] -= settings.dry_multiplier * settings.dry_base ** (length - settings.dry_allowed_length)
    x[forbidden] = -np.inf
    ends = settings.end_ids if settings.token_index < settings.min_tokens else []
    for banned in (ends, repeats(settings)):
        if set(np.flatnonzero(x > -np.inf).tolist()) - set(banned):
            x[list(banned)] = -np.inf
    return x


def repeats(settings: Settings) -> list[int]:
    """The tokens that would complete an n-gram once more."""
    ids, n = settings.prompt_ids + settings.output_ids, settings.no_repeat_ngram_size
    if n == 0:
        return []
    ngrams = {tuple(ids[at : at + n]) for at in range(len(ids) - n + 1)}
    return [token for token in set(ids) if (*ids[len(ids) - n + 1 :], token) in ngrams]


def repetitions(settings: Settings) -> dict[int, int]:
    """The tokens that DRY penalises, with the length of the longest repetition that each would continue."""
    ids = settings.prompt_ids + settings.output_ids
    if settings.dry_range > 0:
        ids = ids[-settings.dry_range :]
    longest: dict[int, int] = {}
    for at in range(1, len(ids)):  # the token that followed an earlier occurrence
        length = 0
        while (
            length < at and ids[at - 1 - length] == ids[-1 - length] and ids[-1 - length] not in settings.dry_breakers
        ):
            length += 1
        if length >= settings.dry_allowed_length and ids[at] not in settings.dry_breakers:
            longest[ids[at]] = max(longest.get(ids[at], 0), length)
    return longest if settings.dry_multiplier > 0 else {}


def assert_same_distribution(logits: Floats, settings: Settings) -> None:
    found = probabilities(logits, settings.row(len(logits)))
    expected = distribution(logits, settings)
    # Which tokens are kept is compared exactly, but for those that float32 weights cannot hold.
    vanishing = (expected > 0) & (expected < 1e-30)
    assert np.array_equal((found > 0)[~vanishing], (expected > 0)[~vanishing])
    np.testing.assert_allclose(found, expected, rtol=3e-5, atol=1e-30)
