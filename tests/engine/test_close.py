"""close() while requests run: from another thread, and from inside a step, as a signal handler would."""

from __future__ import annotations

import threading

import pytest

from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.errors import LLMAgentOSError
from llmagentos.sampling_params import SamplingParams

from .fake_backend import FakeBackend, FakeSampler


def engine_on(backend: FakeBackend) -> Engine:
    return Engine(backend, FakeSampler(), 2000, 512)


def long_request() -> Request:
    return Request([1, 2, 3], SamplingParams(temperature=0.0, seed=1), 1500, end_ids=frozenset())


def test_close_ends_a_running_request_after_the_step_under_way() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    entered, may_go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        entered.set()
        may_go_on.wait(10)

    backend.before_run = hold
    failures: list[BaseException] = []

    def generate() -> None:
        try:
            engine.run([long_request()])
        except LLMAgentOSError as error:
            failures.append(error)

    worker = threading.Thread(target=generate)
    worker.start()
    assert entered.wait(10)
    closer = threading.Thread(target=engine.close)
    closer.start()
    while not engine._closing:
        pass
    may_go_on.set()
    closer.join(10)
    worker.join(10)
    assert backend.closed
    assert "closed before" in str(failures[0]) or "closed" in str(failures[0])
    assert len(backend.n_tokens_per_run) == 1


def test_close_from_inside_a_step_takes_effect_when_the_step_is_left() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)

    def close_now(_: object) -> None:
        engine.close()

    backend.before_run = close_now
    with pytest.raises(LLMAgentOSError, match="closed"):
        engine.run([long_request()])
    assert backend.closed
    assert len(backend.n_tokens_per_run) == 1


def test_a_call_from_inside_a_step_is_refused() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    refusals: list[str] = []

    def call_again(_: object) -> None:
        backend.before_run = lambda _: None
        try:
            engine.run([long_request()])
        except LLMAgentOSError as error:
            refusals.append(str(error))

    backend.before_run = call_again
    request = Request([1, 2, 3], SamplingParams(temperature=0.0, seed=1), 6, end_ids=frozenset())
    engine.run([request])
    assert request.finish_reason == "length"
    assert "inside its own step" in refusals[0]


def test_closing_twice_is_nothing_new() -> None:
    engine = engine_on(FakeBackend())
    engine.close()
    engine.close()
    with pytest.raises(LLMAgentOSError, match="closed"):
        engine.run([long_request()])
