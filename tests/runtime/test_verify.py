"""Drafts are verified token by token, each as `sample` would draw it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos._core.runtime import ThreadPool
from llmagentos._core.sampler import SamplerRow, sample, verify
from llmagentos.errors import InvalidRequestError

from .sampler_oracle import random_logits

VOCAB = 40

settings = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0.0, 1.0]), "seed": st.integers(0, 5)},
    optional={
        "repetition_penalty": st.just(2.0),
        "presence_penalty": st.just(3.0),
        "frequency_penalty": st.just(2.0),
        "dry_multiplier": st.just(2.0),
        "no_repeat_ngram_size": st.just(2),
        "top_k": st.just(3),
        "logprobs": st.integers(0, 3),
    },
)


def rows_of_logits(n: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([random_logits(VOCAB, seed) for seed in range(n)])


def fresh_row(setting: dict[str, Any]) -> SamplerRow:
    return SamplerRow(**setting, prompt_ids=[1, 2, 3], output_ids=[4, 1], token_index=2)


def one_by_one(setting: dict[str, Any], logits: Any, n: int) -> list[Any]:
    """What `sample` gives for n tokens in a row."""
    row, found = fresh_row(setting), []
    for index in range(n):
        found += sample(logits[index : index + 1], [row])
        row.append_output(found[-1].token_id)
        row.token_index += 1
    return found


def facts(found: list[Any]) -> list[Any]:
    return [(one.token_id, one.logprob, one.top) for one in found]


@given(st.lists(st.tuples(settings, st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=4))
def test_tokens_are_those_that_sample_draws_one_by_one(cases: list[tuple[dict[str, Any], int, int]]) -> None:
    logits = rows_of_logits(6 * len(cases))
    rows, drafts, first_rows, expected = [], [], [], []
    for number, (setting, n_drafts, n_right) in enumerate(cases):
        first = 6 * number
        tokens = one_by_one(setting, logits[first:], n_drafts + 1)
        guesses = [one.token_id for one in tokens[:n_drafts]]
        if n_right < n_drafts:
            guesses[n_right] = (guesses[n_right] + 1) % VOCAB
        rows.append(fresh_row(setting))
        drafts.append(guesses)
        first_rows.append(first)
        expected.append(facts(tokens[: min(n_right, n_drafts) + 1]))
    for pool in (None, ThreadPool(2)):
        assert [facts(found) for found in verify(logits, rows, drafts, pool, first_rows)] == expected
    for row in rows:
        assert (row.token_index, row.output_ids.tolist()) == (2, [4, 1])


def test_drafts_need_their_rows_of_logits() -> None:
    logits = rows_of_logits(3)
    with pytest.raises(
        InvalidRequestError, match=r"row 0: 2 drafts after row 1 are more than logits of shape \(3, 40\)"
    ):
        verify(logits, [SamplerRow()], [[1, 2]], None, [1])
    with pytest.raises(InvalidRequestError, match="drafts must hold 1 lists, one for each of `rows`, not 2"):
        verify(logits, [SamplerRow()], [[], []], None, [0])


def test_a_draft_outside_the_vocabulary_is_just_wrong() -> None:
    (found,) = verify(rows_of_logits(2), [SamplerRow(temperature=0.0)], [[-1]], None, [0])
    assert len(found) == 1
