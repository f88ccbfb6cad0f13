"""What steps of streams do beside prompts that are computed aside, and what is learned from the time they take."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import AsideTime, RaggedBatch
from llmagentos.engine.engine import Engine
from llmagentos.engine.pacing import Pace, StepTime
from llmagentos.engine.request import Request

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend
from .guesses import Guesses, anything, try_all


class NobodyJoins(Pace):
    """All prompts are computed aside."""

    def joining_tokens(self, n_streams: int) -> int:
        return 0


def step(engine: Engine, times: int = 1) -> None:
    for _ in range(times):
        engine._stepper.step()


def submit(engine: Engine, request: Request) -> Request:
    engine._submit([request])
    return request


def engine_with_a_stream(backend: FakeBackend | None = None) -> tuple[Engine, Request]:
    engine = engine_on(backend or FakeBackend(n_blocks=200), context_length=2000)
    engine._scheduler.pace = NobodyJoins()
    stream = submit(engine, request_for([1, 2, 3], 1500))
    step(engine, 2)
    return engine, stream


def test_a_prompt_gets_on_however_often_those_beside_it_are_cancelled() -> None:
    engine, _ = engine_with_a_stream()
    prompt = submit(engine, request_for(list(range(5, 205)), 1))
    for number in range(400):
        if prompt.finished:
            break
        other = submit(engine, request_for([7 + number % 50, *range(60, 250)], 1))
        step(engine, 7)
        engine.cancel([other])
    assert prompt.finish_reason == "length"
    assert prompt.token_ids == alone(list(range(5, 205)), 1)


def test_those_that_stay_get_what_they_get_alone() -> None:
    backend = FakeBackend(n_blocks=200)
    engine, stream = engine_with_a_stream(backend)
    first, second = (submit(engine, request_for([salt, *range(60)], 4)) for salt in (7, 8))
    step(engine, 10)
    assert engine._scheduler.aside is not None
    engine.cancel([first])
    step(engine, 300)
    assert (first.finish_reason, first.n_output) == ("cancelled", 0)
    assert second.token_ids == alone([8, *range(60)], 4)
    engine.cancel([stream])
    step(engine)
    assert_idle(engine)


def test_nothing_is_drafted_beside_a_prompt() -> None:
    backend = FakeBackend(n_blocks=200)
    engine, _ = engine_with_a_stream(backend)
    try_all(engine, Guesses(anything(3, backend.vocab_size)))
    step(engine)
    assert backend.n_tokens_per_run[-1] > 1
    prompt = submit(engine, request_for(list(range(100)), 4))
    backend.n_tokens_per_run.clear()
    step(engine, 99)
    assert prompt.n_output == 0
    assert backend.n_tokens_aside
    assert set(backend.n_tokens_per_run) == {1}


class Slow(FakeBackend):
    """Takes 20 ms for a batch, and then 30 for what is aside."""

    def run(self, batch: RaggedBatch, aside: AsideTime | None = None) -> NDArray[np.float32]:
        self.batch_seconds = 0.02
        time.sleep(0.02)
        if aside is not None:
            time.sleep(0.03)
        return super().run(batch, aside)


class Learner(NobodyJoins):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[int, int, StepTime]] = []
        self.chunks: list[tuple[int, float]] = []

    def record(self, n_streams: int, n_prompt_tokens: int, time: StepTime) -> None:
        self.steps.append((n_streams, n_prompt_tokens, time))

    def record_chunk(self, n_tokens: int, seconds: float) -> None:
        self.chunks.append((n_tokens, seconds))


def test_what_is_learned_of_a_step_is_what_took_its_time() -> None:
    engine, _ = engine_with_a_stream(Slow(n_blocks=200))
    pace = engine._scheduler.pace = Learner()
    engine._recorder._on_event = lambda event: time.sleep(0.04)
    submit(engine, request_for([9, 8, 7], 1))
    step(engine, 4)
    assert [(streams, tokens) for streams, tokens, _ in pace.steps] == [(1, 0)] * 4
    beside = [took for _, _, took in pace.steps[:3]]
    assert all(0.02 <= took.batch < 0.03 <= took.aside < 0.05 for took in beside)
    assert all(took.total >= took.batch + took.aside for took in beside)
    assert pace.steps[3][2].total >= 0.06  # with what telling of the prompt's end took
    ((n_tokens, seconds),) = pace.chunks
    assert n_tokens == 3
    assert 0.09 <= seconds < 0.15


def test_what_passes_between_steps_is_no_part_of_them() -> None:
    engine, _ = engine_with_a_stream()
    for _ in range(12):
        step(engine)
        time.sleep(0.03)
    (known,) = engine._scheduler.pace._alone.values()
    assert known.value < 0.02


def test_what_proposing_takes_is_no_part_of_a_steps_time() -> None:
    backend = FakeBackend(n_blocks=200)
    engine, _ = engine_with_a_stream(backend)

    def guess(tokens: list[int], most: int) -> list[int]:
        time.sleep(0.03)
        return [1] * most

    try_all(engine, Guesses(guess))
    speculator = engine._stepper._speculator
    assert speculator is not None
    seen: list[float] = []
    speculator.record = lambda n_streams, n_drafts, seconds: seen.append(seconds)  # type: ignore[method-assign]
    step(engine, 5)
    assert len(seen) == 5
    assert sorted(seen)[2] < 0.02
