"""What the sampler makes of the tokens so far: DRY, the least number of tokens, and how a row keeps them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos._core.sampler import SamplerRow, probabilities, sample
from llmagentos.errors import InvalidRequestError

from .sampler_oracle import Settings, assert_same_distribution, bits, distribution, random_logits, repetitions

VOCAB = 100


@given(
    prompt_ids=st.lists(st.integers(0, 3), max_size=40),
    output_ids=st.lists(st.integers(0, 3), max_size=40),
    dry_breakers=st.sets(st.integers(2, 3)).map(sorted),
    dry_allowed_length=st.integers(1, 4),
    dry_range=st.integers(0, 50),
)
def test_dry_equals_the_definition(**history: object) -> None:
    settings = Settings(dry_multiplier=0.3, dry_base=1.1, **history)  # type: ignore[arg-type]
    assert_same_distribution(random_logits(VOCAB, 1), settings)


@given(
    prompt_ids=st.lists(st.integers(0, 3), max_size=20),
    output_ids=st.lists(st.integers(0, 3), max_size=20),
    no_repeat_ngram_size=st.integers(1, 5),
    end_ids=st.sets(st.integers(0, 3)).map(sorted),
    allowed=st.none() | st.sets(st.integers(0, 4), min_size=1).map(sorted),
)
def test_no_ngram_is_completed_twice(**history: object) -> None:
    settings = Settings(min_tokens=1, **history)  # type: ignore[arg-type]
    assert_same_distribution(random_logits(VOCAB, 1), settings)


def test_where_every_token_would_repeat_an_ngram_all_are_free() -> None:
    row = SamplerRow(no_repeat_ngram_size=1, prompt_ids=[0, 1, 2], min_tokens=1, end_ids=[2])
    assert (probabilities(np.zeros(3, np.float32), row) > 0).tolist() == [True, True, False]


def test_dry_penalises_what_followed_the_longest_repetition() -> None:
    logits = np.zeros(VOCAB, np.float32)
    row = SamplerRow(dry_multiplier=2.0, dry_base=1.5, prompt_ids=[1, 2, 3, 4, 5], output_ids=[9, 2, 3, 6, 1, 2, 3])
    p = probabilities(logits, row)
    # 1 2 3 was followed by 4, and 2 3 by 6.
    assert np.log(p[0] / p[4]) == pytest.approx(2.0 * 1.5 ** (3 - 2), rel=1e-5)
    assert np.log(p[0] / p[6]) == pytest.approx(2.0, rel=1e-5)
    assert (np.delete(p, [4, 6]) == p[0]).all()


def test_a_long_repetition_is_forbidden_in_effect_and_leaves_a_distribution() -> None:
    logits = np.zeros(VOCAB, np.float32)
    row = SamplerRow(dry_multiplier=1e6, dry_base=1e6, prompt_ids=[7] * 5000)
    p = probabilities(logits, row)
    assert p[7] == 0
    assert p.sum() == pytest.approx(1)
    assert sample(np.zeros((1, 1), np.float32), [SamplerRow(dry_multiplier=1.0, prompt_ids=[0] * 9)])[0].token_id == 0


def test_dry_joins_the_other_penalties_in_their_order() -> None:
    settings = Settings(
        logit_bias={1: 4.0},
        repetition_penalty=1.2,
        presence_penalty=0.3,
        frequency_penalty=0.1,
        dry_multiplier=0.8,
        prompt_ids=[1, 2, 5],
        output_ids=[2, 2, 7, 1, 2],
        temperature=0.9,
        top_p=0.9,
    )
    assert repetitions(settings) == {5: 2}
    for seed in range(5):
        assert_same_distribution(random_logits(VOCAB, seed), settings)


def test_one_rows_history_is_not_anothers() -> None:
    logits = np.stack([random_logits(VOCAB, 1)] * 2)
    repeating = SamplerRow(dry_multiplier=5.0, prompt_ids=[1, 2, 3, 1, 2], temperature=0.0)
    plain = SamplerRow(temperature=0.0)
    assert sample(logits, [repeating, plain])[1].token_id == logits[1].argmax()
    assert np.array_equal(probabilities(logits[0], SamplerRow()), probabilities(logits[1], SamplerRow()))


class TestLeastNumberOfTokens:
    def test_end_tokens_are_forbidden_below_it(self) -> None:
        for token_index in range(4):
            settings = Settings(min_tokens=2, end_ids=[3, 9], token_index=token_index, logit_bias={3: 50.0})
            logits = random_logits(VOCAB, 4)
            assert_same_distribution(logits, settings)
            assert (distribution(logits, settings)[3] > 0) == (token_index >= 2)

    def test_a_mask_that_allows_only_end_tokens_ends_the_text(self) -> None:
        logits = random_logits(VOCAB, 4)
        for allowed, forbids in (([3], False), ([3, 9], False), ([3, 8], True), ([8, 70], True)):
            settings = Settings(min_tokens=2, end_ids=[3, 9], allowed=allowed)
            assert_same_distribution(logits, settings)
            assert (probabilities(logits, settings.row(VOCAB))[3] > 0) == (3 in allowed and not forbids)

    def test_bits_beyond_the_vocabulary_allow_nothing(self) -> None:
        row = SamplerRow(min_tokens=2, end_ids=[3], allowed=np.array([1 << 3, 0, 0, 0xFFFFFFF0], np.uint32))
        assert sample(random_logits(VOCAB, 4)[None], [row])[0].token_id == 3


class TestKeepingTheHistory:
    @given(
        st.lists(st.integers(0, 9), max_size=20),
        st.lists(st.integers(0, 9), max_size=20),
        st.lists(st.integers(10, 19), max_size=5),
    )
    def test_it_follows_a_list_that_changed_at_its_end(
        self, kept: list[int], more: list[int], other: list[int]
    ) -> None:
        begin = min(3, len(kept))
        row = SamplerRow(output_ids=[*kept[begin:], *other])
        ids = kept + more
        row.sync_output(ids, begin)
        assert row.output_ids.tolist() == ids[begin:]

    def test_it_empties_where_the_list_does(self) -> None:
        row = SamplerRow(output_ids=[1, 2])
        row.sync_output([5], 3)
        assert row.output_ids.tolist() == []

    def test_what_is_no_token_is_refused(self) -> None:
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            SamplerRow().sync_output(["a"], 0)  # type: ignore[list-item]
        row = SamplerRow(dry_multiplier=1.0)
        row.sync_output([VOCAB], 0)
        with pytest.raises(InvalidRequestError, match=f"token id {VOCAB} is not in the vocabulary"):
            probabilities(random_logits(VOCAB, 1), row)


def test_breakers_may_be_fewer_than_the_vocabulary() -> None:
    row = SamplerRow(dry_multiplier=5.0, prompt_ids=[1, 90, 3, 1, 90], dry_breakers=bits([1], 32))
    logits = np.zeros(VOCAB, np.float32)
    row.dry_allowed_length = 1
    p = probabilities(logits, row)
    assert p[3] < p[0]  # 90 is repeated, and 1 before it breaks
