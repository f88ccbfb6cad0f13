"""close() while requests run: from another thread, and from inside a step, as a signal handler would."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from llmagentos.engine import engine as engine_module
from llmagentos.engine import stepper as stepper_module
from llmagentos.engine import turns as turns_module
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.errors import LLMAgentOSError
from llmagentos.sampling_params import SamplingParams

from .engines import engine_on
from .fake_backend import FakeBackend


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
    while not engine._turns.are_over:
        pass
    may_go_on.set()
    closer.join(10)
    worker.join(10)
    assert backend.closed
    assert str(failures[0]) == "the model was closed before the request finished"
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


def close_at(line: int, engine: Engine) -> bool:
    """Run a request, and close at the `line`-th line of the engine's code that it executes.

    A trace function runs where a signal handler may: on the thread itself, between any two lines. Returns whether
    there were that many lines.
    """
    n_seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal n_seen
        if frame.f_code.co_filename not in (engine_module.__file__, stepper_module.__file__, turns_module.__file__):
            return None
        if event == "line":
            n_seen += 1
            if n_seen == line:
                engine.close()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        engine.run([Request([1, 2, 3], SamplingParams(temperature=0.0, seed=1), 6, end_ids=frozenset())])
    except LLMAgentOSError as error:
        assert "closed" in str(error)  # noqa: PT017 (where the run ends in time, there is no error)
    finally:
        sys.settrace(before)
    return n_seen >= line


def test_close_from_a_signal_handler_never_waits_for_its_own_thread() -> None:
    reached: list[int] = []
    unclosed: list[int] = []

    def close_everywhere() -> None:
        line = 1
        while True:
            backend = FakeBackend()
            if not close_at(line, engine_on(backend)):
                return
            if not backend.closed:
                unclosed.append(line)
            reached.append(line)
            line += 1

    worker = threading.Thread(target=close_everywhere, daemon=True)
    worker.start()
    worker.join(60)
    assert not worker.is_alive(), f"deadlock at line {len(reached) + 1}"
    assert not unclosed
    assert len(reached) > 50


def test_reading_a_stream_from_inside_a_step_is_refused() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    stream = engine.stream(long_request())
    next(stream)
    refusals: list[str] = []

    def read_on(_: object) -> None:
        backend.before_run = lambda _: None
        try:
            next(stream)
        except LLMAgentOSError as error:
            refusals.append(str(error))

    backend.before_run = read_on
    request = Request([1, 2, 3], SamplingParams(temperature=0.0, seed=1), 6, end_ids=frozenset())
    worker = threading.Thread(target=engine.run, args=([request],), daemon=True)
    worker.start()
    worker.join(10)
    assert not worker.is_alive(), "the step waits for itself"
    assert request.finish_reason == "length"
    assert "inside its own step" in refusals[0]


def test_closing_twice_is_nothing_new() -> None:
    engine = engine_on(FakeBackend())
    engine.close()
    engine.close()
    with pytest.raises(LLMAgentOSError, match="closed"):
        engine.run([long_request()])
