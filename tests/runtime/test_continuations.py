"""What may follow a row, best first: the rows that beam search adds up."""

from __future__ import annotations

import numpy as np
import pytest

from llmagentos._core.runtime import ThreadPool
from llmagentos._core.sampler import SamplerRow, continuations
from llmagentos.errors import InvalidRequestError

from .sampler_oracle import Settings, adjusted, log_softmax, random_logits

HISTORY = {"prompt_ids": [5, 6, 7, 5], "output_ids": [6, 9]}


@pytest.mark.parametrize("vocab", [12, 64, 65, 1000, 49152])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(temperature=0.0, top_k=1),
        Settings(logit_bias={3: 2.0, 4: -5.0}),
        Settings(repetition_penalty=1.7, **HISTORY),
        Settings(repetition_penalty=0.6, presence_penalty=0.5, frequency_penalty=0.2, **HISTORY),
        Settings(no_repeat_ngram_size=1, **HISTORY),
        Settings(min_tokens=3, end_ids=[1, 2, 3], token_index=2),
        Settings(allowed=[0, 2, 4, 6, 8], repetition_penalty=1.2, **HISTORY),
    ],
    ids=str,
)
def test_the_best_by_adjusted_log_probability(vocab: int, settings: Settings) -> None:
    logits = random_logits(vocab, 4)
    (found,) = continuations(logits[None], [settings.row(vocab)], [7])
    raw = log_softmax(logits.astype(np.float64))
    scores = adjusted(raw.copy(), settings)
    best = [token for token in np.argsort(-scores, kind="stable")[:7] if scores[token] > -np.inf]
    assert [one.token_id for one in found.best] == best
    np.testing.assert_allclose([one.score for one in found.best], scores[best], rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose([one.logprob for one in found.best], raw[best], rtol=2e-6, atol=2e-6)


def test_the_most_probable_are_listed_as_they_are_raw() -> None:
    logits = random_logits(100, 1)
    row = SamplerRow(logprobs=3, logit_bias={int(logits.argmax()): -50.0})
    (found,) = continuations(logits[None], [row], [2])
    assert [token for token, _ in found.top] == np.argsort(-logits)[:3].tolist()
    assert [one.token_id for one in found.best] == np.argsort(-logits)[1:3].tolist()


def test_rows_depend_on_neither_neighbours_nor_threads() -> None:
    logits = np.stack([random_logits(3001, seed) for seed in range(9)])
    rows = [SamplerRow(repetition_penalty=1.0 + 0.1 * i, prompt_ids=[1, 2, 3]) for i in range(9)]
    order = [4, 4, 0, 8, 7, 1, 2, 3, 5]
    together = continuations(logits, rows, list(range(1, 10)), ThreadPool(3), order)
    for index, found in enumerate(together):
        (alone,) = continuations(logits[order[index]][None], [rows[index]], [index + 1])
        assert [(one.token_id, one.score, one.logprob) for one in found.best] == [
            (one.token_id, one.score, one.logprob) for one in alone.best
        ]


@pytest.mark.parametrize(
    ("counts", "message"),
    [([1], "counts must hold 2 numbers, one for each of `rows`, not 1"), ([1, 0], "counts must be positive, not 0")],
)
def test_bad_counts_are_refused(counts: list[int], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        continuations(np.zeros((2, 9), np.float32), [SamplerRow(), SamplerRow()], counts)
