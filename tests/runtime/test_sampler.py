"""The sampler against a plain numpy oracle: distributions, penalties, log-probabilities, seeds."""

import json
from pathlib import Path

import numpy as np
import pytest

from llmagentos._core.runtime import ThreadPool
from llmagentos._core.sampler import SamplerRow, probabilities, sample
from llmagentos.errors import InvalidRequestError

from .sampler_oracle import Settings, assert_same_distribution, distribution, log_softmax, random_logits

TRANSFORMERS = Path(__file__).parents[1] / "oracles" / "sampler" / "filters.npz"


@pytest.mark.parametrize("vocab", [1, 7, 64, 65, 1000, 49152])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(temperature=0),
        Settings(temperature=0.3),
        Settings(temperature=1.8),
        Settings(top_k=1),
        Settings(top_k=5),
        Settings(top_k=40, temperature=0.8),
        Settings(top_k=700),
        Settings(top_k=10**9),
        Settings(top_k=-1),
        Settings(top_p=0.0),
        Settings(top_p=0.5),
        Settings(top_p=0.9),
        Settings(top_p=0.999, temperature=1.5),
        Settings(top_p=1.0),
        Settings(min_p=0.1),
        Settings(min_p=1.0),
        Settings(typical_p=0.0),
        Settings(typical_p=0.3),
        Settings(typical_p=0.9),
        Settings(typical_p=0.99, temperature=1.5),
        Settings(typical_p=0.8, temperature=0.4),
        Settings(top_k=30, top_p=0.7),
        Settings(top_k=30, typical_p=0.7),
        Settings(top_p=0.9, min_p=0.01, typical_p=0.5),
        Settings(top_k=50, top_p=0.95, min_p=0.2, temperature=1.3),
    ],
    ids=str,
)
def test_the_distribution_equals_the_definition(vocab: int, settings: Settings) -> None:
    for seed in range(3):
        assert_same_distribution(random_logits(vocab, seed), settings)


def test_filters_equal_transformers() -> None:
    oracle = np.load(TRANSFORMERS)
    for settings, rows in zip(json.loads(str(oracle["settings"])), oracle["expected"], strict=True):
        for logits, expected in zip(oracle["logits"], rows, strict=True):
            found = probabilities(logits, SamplerRow(**settings))
            assert np.array_equal(found > 0, expected > 0), settings
            np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_a_large_flat_vocabulary_is_filtered_right(temperature: float) -> None:
    """Most of the row is in the nucleus: nothing can be skipped."""
    logits = random_logits(100_000, 5, scale=0.05)
    found = probabilities(logits, SamplerRow(temperature=temperature, top_p=0.8))
    expected = distribution(logits, Settings(temperature=temperature, top_p=0.8))
    # Neighbours differ by less than float32 resolves, so the boundary may fall a few tokens away.
    assert abs(int((found > 0).sum()) - int((expected > 0).sum())) <= 3
    assert found[expected > 0].sum() == pytest.approx(1, abs=1e-4)


PENALTIES = [
    Settings(repetition_penalty=1.3, prompt_ids=[0, 3, 3], output_ids=[3, 5]),
    Settings(repetition_penalty=0.5, output_ids=[1, 2]),
    Settings(presence_penalty=0.7, prompt_ids=[4], output_ids=[1, 1, 2]),
    Settings(frequency_penalty=0.4, prompt_ids=[4], output_ids=[1, 1, 1, 2]),
    Settings(presence_penalty=-0.5, frequency_penalty=-0.2, output_ids=[6, 6]),
    Settings(logit_bias={0: 100.0}),
    Settings(logit_bias={0: -100.0, 5: 2.5}),
    Settings(logit_bias={2: float("-inf")}, top_k=3),
    Settings(
        logit_bias={1: 4.0},
        repetition_penalty=1.2,
        presence_penalty=0.3,
        frequency_penalty=0.1,
        prompt_ids=[1, 2],
        output_ids=[2, 2, 7],
        temperature=0.9,
        top_p=0.9,
    ),
]


@pytest.mark.parametrize("settings", PENALTIES, ids=range(len(PENALTIES)))
def test_penalties_and_bias_equal_the_definition(settings: Settings) -> None:
    for seed in range(5):
        assert_same_distribution(random_logits(100, seed), settings)


def test_penalties_leave_the_logits_and_other_rows_alone() -> None:
    logits = np.stack([random_logits(100, 1)] * 2)
    before = logits.copy()
    penalised = SamplerRow(temperature=0, logit_bias={7: 1000.0}, repetition_penalty=2, output_ids=[1, 2, 3])
    plain = SamplerRow(temperature=0)
    first, second = sample(logits, [penalised, plain])
    assert first.token_id == 7
    assert second.token_id == int(before[1].argmax())
    assert np.array_equal(logits, before)
    assert np.array_equal(probabilities(logits[1], plain), distribution(before[1], Settings(temperature=0)))


def test_ids_can_be_arrays_or_lists_and_appended() -> None:
    row = SamplerRow(output_ids=[1, 2])
    row.prompt_ids = np.array([5, 6], dtype=np.int32)
    row.append_output(9)
    assert row.output_ids.tolist() == [1, 2, 9]
    assert row.prompt_ids.tolist() == [5, 6]
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        row.output_ids = [2**40]


def test_what_was_set_can_be_read() -> None:
    values = {
        "temperature": 0.5,
        "top_k": 3,
        "top_p": 0.25,
        "min_p": 0.125,
        "typical_p": 0.75,
        "seed": 2**64 - 1,
        "token_index": 7,
        "repetition_penalty": 1.5,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "dry_multiplier": 2.0,
        "dry_base": 1.25,
        "dry_allowed_length": 4,
        "dry_range": 100,
        "logit_bias": {3: 0.5, 1: -2.0},
        "min_tokens": 9,
        "logprobs": None,
    }
    given, later = SamplerRow(**values), SamplerRow(logprobs=4)  # type: ignore[arg-type]
    for name, value in values.items():
        setattr(later, name, value)
        assert getattr(given, name) == getattr(later, name) == value
    later.end_ids = [4, 2]
    assert later.end_ids.tolist() == [4, 2]


class TestTies:
    def test_greedy_takes_the_lowest_id(self) -> None:
        logits = np.array([0, 2, 1, 2, 2], dtype=np.float32)
        assert sample(logits[None], [SamplerRow(temperature=0)])[0].token_id == 1

    def test_zero_and_minus_zero_are_equal(self) -> None:
        logits = np.array([-1, -0.0, 0.0], dtype=np.float32)
        assert sample(logits[None], [SamplerRow(temperature=0)])[0].token_id == 1

    def test_top_k_keeps_all_that_equal_the_smallest(self) -> None:
        logits = np.array([1, 3, 2, 2, 2, 0], dtype=np.float32)
        found = probabilities(logits, SamplerRow(top_k=2))
        assert (found > 0).tolist() == [False, True, True, True, True, False]

    def test_top_p_takes_lower_ids_first(self) -> None:
        found = probabilities(np.zeros(100, dtype=np.float32), SamplerRow(top_p=0.255))
        assert np.flatnonzero(found).tolist() == list(range(26))


class TestLogprobs:
    @pytest.mark.parametrize("vocab", [3, 64, 5000, 262144])
    @pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
    def test_they_equal_log_softmax(self, vocab: int, scale: float) -> None:
        logits = random_logits(vocab, 2, scale)
        expected = log_softmax(logits.astype(np.float64))
        found = sample(logits[None], [SamplerRow(logprobs=10, seed=4)])[0]
        assert found.logprob == pytest.approx(expected[found.token_id], abs=1e-5)
        order = np.argsort(-expected, kind="stable")[:10]
        assert [token for token, _ in found.top] == order.tolist()
        np.testing.assert_allclose([logprob for _, logprob in found.top], expected[order], atol=1e-5)

    def test_they_are_of_the_raw_logits(self) -> None:
        logits = random_logits(50, 3)
        expected = log_softmax(logits.astype(np.float64))
        row = SamplerRow(
            temperature=0.2, top_k=2, logit_bias={9: 50.0}, repetition_penalty=3, output_ids=[1], logprobs=3
        )
        found = sample(logits[None], [row])[0]
        assert found.token_id == 9
        assert found.logprob == pytest.approx(expected[9], abs=1e-5)
        assert found.top[0][0] == int(expected.argmax())

    def test_none_gives_none_and_zero_only_the_chosen(self) -> None:
        logits = random_logits(50, 3)[None]
        none, zero = sample(logits, [SamplerRow()])[0], sample(logits, [SamplerRow(logprobs=0)])[0]
        assert none.logprob is None
        assert none.top == []
        assert zero.logprob is not None
        assert zero.top == []

    def test_impossible_tokens_are_not_listed(self) -> None:
        logits = np.array([1, -np.inf, 0], dtype=np.float32)
        found = sample(logits[None], [SamplerRow(logprobs=3)])[0]
        assert [token for token, _ in found.top] == [0, 2]


@pytest.mark.parametrize(
    "settings", [Settings(temperature=1.3), Settings(top_k=8, top_p=0.9), Settings(min_p=0.05), Settings(typical_p=0.6)]
)
def test_draws_have_the_distributions_frequencies(settings: Settings) -> None:
    logits = random_logits(24, 8, scale=1.5)
    expected = distribution(logits, settings)
    draws = 20_000
    batch = np.broadcast_to(logits, (1000, 24)).copy()
    counts = np.zeros(24)
    for start in range(0, draws, 1000):
        rows = [settings.row(24, seed=seed) for seed in range(start, start + 1000)]
        counts += np.bincount([found.token_id for found in sample(batch, rows)], minlength=24)
    kept = expected > 0
    assert counts[~kept].sum() == 0
    chi_square = ((counts - draws * expected)[kept] ** 2 / (draws * expected[kept])).sum()
    assert chi_square < 49.8  # 23 degrees of freedom: one in a thousand by chance, and the seeds are fixed


def test_a_token_depends_on_seed_and_index_alone() -> None:
    logits = np.stack([random_logits(5000, seed) for seed in range(8)])
    rows = [SamplerRow(seed=seed, token_index=3 * seed, logprobs=2, top_p=0.9) for seed in range(8)]
    alone = [sample(logits[i : i + 1], [rows[i]])[0] for i in range(8)]
    for pool in (None, ThreadPool(1), ThreadPool(2)):
        together = sample(logits, rows, pool)
        backwards = sample(logits[::-1].copy(), rows[::-1], pool)[::-1]
        for one, two, three in zip(alone, together, backwards, strict=True):
            assert (one.token_id, one.logprob, one.top) == (two.token_id, two.logprob, two.top)
            assert (one.token_id, one.logprob, one.top) == (three.token_id, three.logprob, three.top)
    flat = np.zeros((1, 5000), dtype=np.float32)
    assert len({sample(flat, [SamplerRow(seed=1, token_index=i)])[0].token_id for i in range(100)}) > 90
    assert len({sample(flat, [SamplerRow(seed=i)])[0].token_id for i in range(100)}) > 90


def test_unusable_logits_are_errors() -> None:
    logits = random_logits(100, 1)
    logits[42] = np.nan
    with pytest.raises(Exception, match="token 42 is NaN"):
        sample(logits[None], [SamplerRow()])
    with pytest.raises(Exception, match="row 1: every token is forbidden"):
        sample(np.array([[0, 0], [-np.inf, -np.inf]], dtype=np.float32), [SamplerRow(), SamplerRow()])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 1.5),
        ("min_p", -1.0),
        ("typical_p", 1.1),
        ("dry_multiplier", -1.0),
        ("dry_base", 0.5),
        ("repetition_penalty", 0.0),
    ],
)
def test_settings_outside_their_domain_are_named(name: str, value: float) -> None:
    row = SamplerRow()
    setattr(row, name, value)
    with pytest.raises(InvalidRequestError, match=f"{name} must be"):
        sample(np.zeros((1, 4), dtype=np.float32), [row])


def test_arrays_of_the_wrong_shape_or_type_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="shape"):
        sample(np.zeros((2, 4), dtype=np.float32), [SamplerRow()])
    with pytest.raises(InvalidRequestError, match="shape"):
        sample(np.zeros(4, dtype=np.float32), [SamplerRow()])
    with pytest.raises(InvalidRequestError, match="one row"):
        probabilities(np.zeros((2, 4), dtype=np.float32), SamplerRow())
    with pytest.raises(TypeError):
        sample(np.zeros((1, 4), dtype=np.float64), [SamplerRow()])
