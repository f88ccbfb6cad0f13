"""Token masks, and rows of logits that several sequences read."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos._core.runtime import ThreadPool
from llmagentos._core.sampler import SamplerRow, probabilities, sample
from llmagentos.errors import InvalidRequestError

from .sampler_oracle import Settings, assert_same_distribution, bits, log_softmax, random_logits


@pytest.mark.parametrize("vocab", [1, 31, 32, 33, 64, 65, 129, 1000, 49152])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(temperature=0),
        Settings(temperature=0.7, top_k=5),
        Settings(top_p=0.9),
        Settings(min_p=0.1),
        Settings(typical_p=0.8),
        Settings(repetition_penalty=1.5, logit_bias={0: 9.0}, output_ids=[0]),
    ],
    ids=str,
)
def test_only_allowed_tokens_are_left(vocab: int, share: float, settings: Settings) -> None:
    rng = np.random.default_rng(vocab)
    settings.allowed = sorted({int(rng.integers(vocab)), *np.flatnonzero(rng.random(vocab) < share).tolist()})
    for seed in range(2):
        assert_same_distribution(random_logits(vocab, seed), settings)


@given(st.sets(st.integers(0, 299), min_size=1), st.integers(0, 2**32 - 1))
def test_any_set_of_tokens_can_be_the_mask(allowed: set[int], seed: int) -> None:
    logits = random_logits(300, 3)
    row = Settings(allowed=sorted(allowed)).row(300, seed=seed)
    assert sample(logits[None], [row])[0].token_id in allowed
    row.temperature = 0
    assert sample(logits[None], [row])[0].token_id == max(allowed, key=lambda token: logits[token])


def test_logprobs_are_those_of_the_row_without_its_mask() -> None:
    logits = random_logits(500, 3)
    expected = log_softmax(logits.astype(np.float64))
    found = sample(logits[None], [SamplerRow(allowed=bits([77], 500), logprobs=4)])[0]
    assert found.token_id == 77
    assert found.logprob == pytest.approx(expected[77], abs=1e-5)
    assert [token for token, _ in found.top] == np.argsort(-expected)[:4].tolist()


def test_the_array_is_read_in_place_and_kept_alive() -> None:
    logits = random_logits(64, 1)[None]
    masks = np.zeros((3, 2), np.uint32)
    row = SamplerRow(allowed=masks[1])
    masks[1, 1] = 1 << 5
    assert sample(logits, [row])[0].token_id == 37
    assert row.allowed is not None
    assert np.shares_memory(row.allowed, masks)
    alive = weakref.ref(masks)
    del masks
    gc.collect()
    assert alive() is not None
    assert sample(logits, [row])[0].token_id == 37
    row.allowed = None
    gc.collect()
    assert alive() is None
    assert row.allowed is None


def test_nothing_allowed_is_an_error() -> None:
    logits = random_logits(100, 1)
    with pytest.raises(Exception, match="every token is forbidden: the mask allows none"):
        sample(logits[None], [SamplerRow(allowed=bits([], 100))])
    logits[5] = -np.inf
    with pytest.raises(Exception, match="row 1: every token is forbidden: the mask allows none"):
        sample(np.stack([logits, logits]), [SamplerRow(), SamplerRow(allowed=bits([5], 100))])


def test_a_broken_logit_counts_where_it_is_allowed() -> None:
    logits = random_logits(100, 1)
    logits[42] = np.nan
    assert sample(logits[None], [SamplerRow(allowed=bits([40, 43], 100))])[0].token_id in (40, 43)
    with pytest.raises(Exception, match="token 42 is NaN"):
        sample(logits[None], [SamplerRow(allowed=bits([42, 43], 100))])


def test_masks_of_the_wrong_kind_or_size_are_refused() -> None:
    for wrong in (np.zeros(4, np.int32), np.zeros((1, 4), np.uint32), np.zeros(8, np.uint32)[::2], [0, 0, 0, 0]):
        with pytest.raises(
            TypeError, match="allowed must be None or a contiguous one-dimensional numpy array of uint32"
        ):
            SamplerRow(allowed=wrong)  # type: ignore[arg-type]
    for n_words in (0, 3, 5):
        row = SamplerRow(allowed=np.full(n_words, 0xFFFFFFFF, np.uint32))
        with pytest.raises(InvalidRequestError, match=f"allowed must hold 4 words, .* 100 tokens, not {n_words}"):
            probabilities(random_logits(100, 1), row)


class TestSharedRows:
    def test_sequences_that_read_one_row_get_what_copies_of_it_give(self) -> None:
        logits = np.stack([random_logits(3000, seed) for seed in range(3)])
        read = [2, 0, 0, 1, 2, 0]
        rows = [SamplerRow(seed=seed, logprobs=2, logit_bias={4: float(seed)}) for seed in range(len(read))]
        expected = sample(logits[read], rows)
        for pool in (None, ThreadPool(2)):
            for logit_rows in (read, np.array(read, np.int32)):
                found = sample(logits, rows, pool, logit_rows)
                for a, b in zip(found, expected, strict=True):
                    assert (a.token_id, a.logprob, a.top) == (b.token_id, b.logprob, b.top)

    @pytest.mark.parametrize("wrong", [[0], [0, 1, 1], [0, 2], [-1, 0]])
    def test_rows_that_are_not_there_are_refused(self, wrong: list[int]) -> None:
        with pytest.raises(InvalidRequestError, match="logit_rows"):
            sample(np.zeros((2, 4), np.float32), [SamplerRow(), SamplerRow()], None, wrong)
