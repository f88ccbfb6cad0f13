"""What an encoder reads: computed in steps of its own, shared by a prompt's requests, given back with the last."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos import ContextLengthError, InvalidRequestError, OutOfMemoryError, SamplingParams
from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request

from .engines import assert_idle, engine_on
from .fake_backend import FakeBackend
from .guesses import Guesses, try_all

START = 1


def answer_to(text: list[int], n_new: int = 6, *, n: int = 1, forced: bool = False, **params: object) -> list[Request]:
    """The requests of one text, whose first is given to the engine."""
    encoder = EncoderInput(text)
    sampling = SamplingParams(**{"temperature": 0.0, "seed": 1, **params})  # type: ignore[arg-type]
    first, last = (7, 8) if forced else (None, None)
    requests = [
        Request(
            [START],
            sampling,
            1 + n_new,
            end_ids=frozenset({8}),
            choice=choice,
            encoder=encoder,
            forced_first=first,
            forced_last=last,
        )
        for choice in range(max(n, sampling.num_beams))
    ]
    if sampling.num_beams > 1:
        BeamGroup(requests)
    else:
        requests[0].followers = requests[1:]
    return requests


def engine(backend: FakeBackend, encoder_length: int = 64, context_length: int = 16, **config: object) -> Engine:
    return engine_on(backend, context_length, encoder_length=encoder_length, **config)  # type: ignore[arg-type]


def texts_of(requests: list[Request]) -> list[list[int]]:
    return [request.token_ids for request in requests]


def watch(backend: FakeBackend) -> list[RaggedBatch]:
    batches: list[RaggedBatch] = []
    backend.before_run = batches.append
    return batches


def test_a_text_is_read_once_and_by_itself_for_all_completions() -> None:
    backend = FakeBackend()
    batches = watch(backend)
    requests = answer_to(list(range(40)), n=3, temperature=1.0)
    engine(backend).run(requests)
    assert [batch.is_encoder for batch in batches] == [True] + [False] * 6
    assert len({tuple(request.token_ids) for request in requests}) == 3
    assert [request.n_cached for request in requests] == [0, 40, 40]


def test_the_text_decides_the_answer_and_the_cache_knows_that() -> None:
    driven = engine(FakeBackend(block_size=2), context_length=40)
    params = {"n_new": 30, "ignore_eos": True}
    one, same, other = (answer_to(text, **params)[0] for text in ([5] * 9, [5] * 9, [6] * 9))  # type: ignore[arg-type]
    for request in (one, same, other):
        driven.run([request])
    assert one.token_ids == same.token_ids != other.token_ids
    assert_idle(driven)


def test_answers_go_on_between_texts() -> None:
    backend = FakeBackend()
    batches = watch(backend)
    driven = engine(backend, max_batched_tokens=32)
    groups = [answer_to([i] * 30) for i in range(5)]
    driven.run([group[0] for group in groups])
    kinds = [batch.is_encoder for batch in batches]
    assert kinds[:10] == [True, False] * 5
    assert all(len(batch.sequence_starts) == 2 for batch in batches[:10:2])


def test_short_texts_are_read_together() -> None:
    backend = FakeBackend()
    batches = watch(backend)
    groups = [answer_to([i] * 10) for i in range(7)]
    engine(backend, max_batched_tokens=32).run([group[0] for group in groups])
    assert [len(batch.token_ids) for batch in batches if batch.is_encoder] == [30, 30, 10]


def test_a_text_may_be_longer_than_a_step() -> None:
    backend = FakeBackend()
    request = answer_to(list(range(64)))[0]
    engine(backend, max_batched_tokens=4).run([request])
    assert backend.n_tokens_per_run[0] == 64


def test_forced_tokens_come_whatever_the_logits() -> None:
    for params in ({}, {"num_beams": 3}, {"temperature": 1.0, "logprobs": 2}):
        (request, *_) = answer_to([3, 4, 5], forced=True, **params)
        engine(FakeBackend()).run([request])
        assert request.token_ids[:2] == [START, 7]
        ended_before = 8 in request.token_ids[2:-1]
        assert request.token_ids[-1] == 8 or ended_before
        assert request.finish_reason == "stop"


def test_a_forced_token_adds_nothing_to_a_beam() -> None:
    forced = answer_to([3, 4, 5], 2, forced=True, num_beams=2, length_penalty=0.0)
    engine(FakeBackend()).run(forced[:1])
    assert forced[0].token_ids == [START, 7, 8]
    assert forced[0].sequence_score == 0.0


def test_drafts_leave_a_forced_end_alone() -> None:
    plain = answer_to([3, 4, 5], 12, forced=True)[0]
    engine(FakeBackend()).run([plain])
    tried = answer_to([3, 4, 5], 12, forced=True)[0]
    guesses = Guesses(lambda ids, n: plain.token_ids[len(ids) : len(ids) + n])
    driven = try_all(engine(FakeBackend()), guesses)
    driven.run([tried])
    assert driven.stats().accepted_tokens > 5
    assert tried.token_ids == plain.token_ids


def test_texts_that_the_encoder_does_not_take_are_refused() -> None:
    driven = engine(FakeBackend())
    driven.check_input_fits(64)
    with pytest.raises(ContextLengthError, match="70 tokens, 6 more than the 64"):
        driven.check_input_fits(70)
    with pytest.raises(InvalidRequestError, match="empty"):
        driven.check_input_fits(0)


def test_the_cache_must_hold_a_text_and_an_answer() -> None:
    engine(FakeBackend(n_blocks=3))
    with pytest.raises(OutOfMemoryError):
        engine(FakeBackend(n_blocks=2))


Kind = tuple[int, int, dict[str, object]]
KINDS = st.tuples(
    st.integers(1, 20),
    st.integers(1, 14),
    st.sampled_from([{}, {"n": 3, "temperature": 1.0}, {"num_beams": 3}, {"num_beams": 2, "length_penalty": -1.0}]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(KINDS, min_size=1, max_size=6), st.integers(14, 40), st.integers(1, 40), st.booleans())
def test_answers_do_not_depend_on_memory_budget_or_company(
    kinds: list[Kind], n_blocks: int, budget: int, cached: bool
) -> None:
    def groups() -> list[list[Request]]:
        return [answer_to([i] * n_text, n_new, **kind) for i, (n_text, n_new, kind) in enumerate(kinds)]  # type: ignore[arg-type]

    def small(n_blocks: int) -> Engine:
        return engine(FakeBackend(n_blocks=n_blocks, block_size=2), 20, 8 * 2 - 1, max_batched_tokens=budget)

    n_blocks = max(n_blocks, 18)
    expected = groups()
    for group in expected:
        engine(FakeBackend(block_size=2), 20, 15).run(group)
    found = groups()
    driven = small(n_blocks)
    driven.run([request for group in found for request in group])
    assert [texts_of(group) for group in found] == [texts_of(group) for group in expected]
    assert_idle(driven)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(0, 3))
def test_nothing_is_kept_of_what_is_cancelled(steps: list[int], kind: int) -> None:
    driven = engine(FakeBackend(n_blocks=20, block_size=2), 20, 15)
    params: list[dict[str, object]] = [{}, {"n": 3, "temperature": 1.0}, {"num_beams": 3}, {"num_beams": 2}]
    groups = [answer_to([i] * 15, 14, **params[(kind + i) % 4]) for i in range(len(steps))]  # type: ignore[arg-type]
    driven._submit([request for group in groups for request in group])
    for group, n_steps in zip(groups, steps, strict=True):
        for _ in range(n_steps):
            driven._stepper.step()
        driven.cancel(group)
    driven._stepper.step()
    assert_idle(driven)


def test_a_failed_step_fails_its_requests_and_the_next_ones_run() -> None:
    backend = FakeBackend()
    driven = engine(backend)

    def fail(batch: RaggedBatch) -> None:
        raise RuntimeError("out of order")

    backend.before_run = fail
    failed = answer_to([3] * 40)[0]
    with pytest.raises(RuntimeError):
        driven.run([failed])
    backend.before_run = lambda batch: None
    again = answer_to([3] * 40)[0]
    driven.run([again])
    assert len(again.token_ids) == 7
    assert_idle(driven)
