"""Beams as requests: what a search finds depends on nothing but its prompt and params, and it leaves nothing behind."""

from __future__ import annotations

import time
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.request import Request, Service
from llmagentos.sampling_params import SamplingParams

from .engines import assert_idle, engine_on, request_for, search_for
from .fake_backend import FakeBackend, hashed_logits, log_softmax

VOCAB = 12
END = frozenset({3})
PROMPTS = [(1,), (1, 2, 3, 4, 5), (1, 2, 3, 4, 9), tuple(range(9)), (*range(9), 1)]


def found(requests: list[Request]) -> list[tuple[list[int], float | None, str | None]]:
    return [(request.token_ids, request.sequence_score, request.finish_reason) for request in requests]


@cache
def expected(prompt: tuple[int, ...], num_beams: int, early_stopping: Any) -> list[Any]:
    requests = search_for(prompt, end_ids=END, num_beams=num_beams, early_stopping=early_stopping)
    engine_on(FakeBackend(VOCAB)).run(requests)
    return found(requests)


searches = st.tuples(st.sampled_from(PROMPTS), st.integers(2, 4), st.sampled_from([False, True, "never"]))


@settings(deadline=None, max_examples=60)
@given(
    asked=st.lists(searches, min_size=1, max_size=4),
    others=st.lists(st.tuples(st.sampled_from(PROMPTS), st.integers(1, 8)), max_size=4),
    n_blocks=st.integers(5, 30),
    budget=st.integers(1, 20),
    running=st.integers(1, 8),
    cached=st.booleans(),
)
def test_a_search_finds_the_same_beside_any_load(
    asked: list[tuple[tuple[int, ...], int, Any]],
    others: list[tuple[tuple[int, ...], int]],
    n_blocks: int,
    budget: int,
    running: int,
    cached: bool,
) -> None:
    backend = FakeBackend(VOCAB, n_blocks, block_size=4)
    engine = engine_on(backend, 20, budget, max_running=running, prefix_cache=cached)
    found_together = [search_for(p, end_ids=END, num_beams=beams, early_stopping=early) for p, beams, early in asked]
    streams = [request_for(list(prompt), n_new) for prompt, n_new in others]
    engine.run([request for group in [streams[::2], *found_together, streams[1::2]] for request in group])
    assert [found(requests) for requests in found_together] == [expected(*one) for one in asked]
    for request, (prompt, n_new) in zip(streams, others, strict=True):
        assert request.token_ids == alone_in(prompt, n_new)
    assert_idle(engine)


@cache
def alone_in(prompt: tuple[int, ...], n_new: int) -> list[int]:
    request = request_for(list(prompt), n_new)
    engine_on(FakeBackend(VOCAB)).run([request])
    return request.token_ids


def test_with_all_texts_kept_it_finds_the_best_of_all_texts() -> None:
    prompt, n_new, vocab = (1, 2), 3, 4
    requests = search_for(prompt, n_new, num_beams=vocab**n_new)
    engine_on(FakeBackend(vocab)).run(requests)
    scores = {}
    for text in product(range(vocab), repeat=n_new):
        ids = [*prompt, *text]
        rows = [log_probs(ids[:n], vocab) for n in range(len(prompt), len(ids))]
        scores[text] = sum(float(row[token]) for row, token in zip(rows, text, strict=True)) / n_new
    best = sorted(scores, key=lambda text: -scores[text])
    assert [tuple(request.token_ids[2:]) for request in requests] == best
    assert [request.sequence_score for request in requests] == pytest.approx([scores[text] for text in best])


def log_probs(ids: list[int], vocab: int = VOCAB) -> NDArray[np.float64]:
    """Of what follows these tokens, by the fake backend's rule."""
    pairs = [(token, position) for position, token in enumerate(ids)]
    return log_softmax(hashed_logits(np.array(pairs, np.int64), vocab))


def test_the_prompt_is_computed_once() -> None:
    backend = FakeBackend(VOCAB, block_size=4)
    engine_on(backend).run(search_for(tuple(range(9)), 5, num_beams=4))
    assert backend.n_tokens_per_run == [9, 4, 4, 4, 4]


def test_a_search_goes_on_where_a_step_takes_only_one_row() -> None:
    backend = FakeBackend(VOCAB, block_size=4)
    engine = engine_on(backend, max_batched_tokens=1)
    requests = search_for((1, 2, 3, 4, 5), end_ids=END)
    engine.run(requests)
    assert found(requests) == expected((1, 2, 3, 4, 5), 3, False)
    assert max(backend.n_rows_per_run) == 1


def test_a_search_that_has_room_for_one_beam_only_is_the_same() -> None:
    requests = search_for(tuple(range(9)), end_ids=END, num_beams=4)
    engine = engine_on(FakeBackend(VOCAB, n_blocks=5, block_size=4), context_length=18)
    engine.run(requests)
    assert found(requests) == expected(tuple(range(9)), 4, False)
    assert engine.stats().n_preemptions > 0
    assert_idle(engine)


def test_cancelling_one_answer_ends_the_search() -> None:
    events: list[Any] = []
    engine = engine_on(FakeBackend(VOCAB, block_size=4), on_event=events.append)
    requests, other = search_for((1, 2)), request_for([7, 7])
    engine._submit([*requests, other])
    for _ in range(3):
        engine._stepper.step()
    engine.cancel(requests[1:2])
    engine._stepper.step()
    assert [request.finish_reason for request in requests] == ["cancelled"] * 3
    assert [event.kind for event in events].count("ended") == 1
    engine._turns.drive(other, None)
    assert other.token_ids == alone_in((7, 7), 8)
    assert_idle(engine)


@pytest.mark.parametrize("n_steps", [0, 1, 4])
def test_time_ends_a_search_with_the_best_texts_so_far(n_steps: int) -> None:
    engine = engine_on(FakeBackend(VOCAB, block_size=4))
    requests = search_for((1, 2), 50)
    engine._submit(requests)
    for _ in range(n_steps):
        engine._stepper.step()
    for request in requests:
        request.service = Service(deadline=time.monotonic())
    engine._stepper.step()
    shorter = search_for((1, 2), max(1, n_steps))
    engine.run(shorter)
    assert [request.finish_reason for request in requests] == ["timeout"] * 3
    wanted = [request.token_ids if n_steps else [1, 2] for request in shorter]
    assert [request.token_ids for request in requests] == wanted
    assert_idle(engine)


def test_a_failed_step_fails_the_search() -> None:
    backend = FakeBackend(VOCAB, block_size=4)
    engine, requests = engine_on(backend), search_for((1, 2))
    engine._submit(requests)
    engine._stepper.step()

    def fail(batch: object) -> None:
        raise MemoryError("no more")

    backend.before_run = fail
    with pytest.raises(MemoryError):
        engine.run(search_for((5,)))
    assert all(isinstance(request.error, MemoryError) for request in requests)
    assert_idle(engine)


def test_a_stop_string_ends_a_text_of_a_search() -> None:
    likeliest = int(log_probs([1]).argmax())
    stop = chr(likeliest)
    requests = search_for((1,), num_beams=4, stop=stop)
    engine_on(FakeBackend(VOCAB)).run(requests)
    stopped = [request for request in requests if request.finish_reason == "stop"]
    assert stopped
    for request in requests:
        text = "".join(delta.text for delta in request.deltas) + request.tail
        assert stop not in text
        assert (request.finish_reason == "stop") == (request.token_ids[-1] == likeliest)
        assert likeliest not in request.token_ids[1:-1]


def test_answers_carry_the_logprobs_of_their_tokens() -> None:
    requests = search_for((1, 2), 6, logprobs=2)
    engine_on(FakeBackend(VOCAB)).run(requests)
    for request in requests:
        for index, delta in enumerate(request.deltas):
            row = log_probs(request.token_ids[: 2 + index])
            assert delta.logprob is not None
            assert delta.logprob.logprob == pytest.approx(row[delta.token_id])
            assert [token for token, _ in delta.logprob.top] == np.argsort(-row)[:2].tolist()
        total = sum(delta.logprob.logprob for delta in request.deltas if delta.logprob is not None)
        assert request.sequence_score == pytest.approx(total / 6)


def test_a_search_counts_as_one_request() -> None:
    events: list[Any] = []
    engine = engine_on(FakeBackend(VOCAB), on_event=events.append)
    engine.run(search_for((1, 2)))
    assert [event.kind for event in events] == ["queued", "started", "first_token", "ended"]
    assert sum(engine.stats().ended.values()) == 1


def test_prompt_logprobs_are_on_every_answer() -> None:
    params = SamplingParams(temperature=0.0, num_beams=2, prompt_logprobs=0)
    requests = [Request((1, 2, 3), params, 6, prompt_logprobs=0) for _ in range(2)]
    BeamGroup(requests)
    backend = FakeBackend(VOCAB, n_blocks=2, block_size=4)
    engine = engine_on(backend, 8)
    engine.run(requests)
    assert [len(request.prompt_scores) for request in requests] == [2, 2]
    assert engine.stats().n_preemptions > 0
    assert max(backend.n_rows_per_run[1:]) <= 2, "the prompt was scored again"


def test_beams_that_nothing_takes_give_their_blocks_back() -> None:
    endings = [chr(first) + chr(second) for first in range(3) for second in range(3) if first or second]
    requests = search_for((1,), 9, stop=endings, min_tokens=2, length_penalty=5.0, early_stopping="never")
    engine = engine_on(FakeBackend(3, block_size=4))
    engine._submit(requests)
    n_running = []
    while not requests[0].finished:
        engine._stepper.step()
        n_running.append(len(engine._scheduler.running))
    assert max(n_running) == 3
    assert 0 < n_running[-2] < 3
    assert_idle(engine)
