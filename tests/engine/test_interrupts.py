"""Signal handlers that raise while the engine runs: the step ends first, and the engine goes on working."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from llmagentos._core.runtime import handled_signals
from llmagentos.engine.interrupts import held_signals
from llmagentos.engine.request import Request
from llmagentos.errors import LLMAgentOSError
from llmagentos.sampling_params import SamplingParams

from .engines import engine_on
from .fake_backend import FakeBackend


class TimeIsUpError(Exception):
    pass


def raise_time_is_up(number: int, frame: FrameType | None) -> None:
    raise TimeIsUpError


@pytest.fixture(params=[signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def raising_signal(request: pytest.FixtureRequest) -> Iterator[int]:
    number: int = request.param
    before = signal.signal(number, raise_time_is_up)
    yield number
    signal.signal(number, before)


def short_request() -> Request:
    return Request([1, 2, 3], SamplingParams(temperature=0.0, seed=1), 6, end_ids=frozenset())


def test_a_handler_that_raises_runs_after_the_step_and_leaves_the_engine_usable(raising_signal: int) -> None:
    backend = FakeBackend()
    engine = engine_on(backend, 2000)
    backend.before_run = lambda _: os.kill(os.getpid(), raising_signal)
    with pytest.raises(TimeIsUpError):
        engine.run([short_request()])
    assert len(backend.n_tokens_per_run) == 1, "the step was not finished first"
    assert signal.getsignal(raising_signal) is raise_time_is_up
    backend.before_run = lambda _: None
    request = short_request()
    engine.run([request])
    assert request.finish_reason == "length"
    engine.close()
    assert backend.closed


def test_time_outs_at_any_moment_never_stick() -> None:
    backend = FakeBackend()
    engine = engine_on(backend, 2000)
    before = signal.signal(signal.SIGALRM, raise_time_is_up)
    n_raised = 0
    try:
        for attempt in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + attempt % 60))
                engine.run([short_request()])
                for _ in range(500):
                    time.sleep(0.001)
            except TimeIsUpError:
                n_raised += 1
            assert signal.getsignal(signal.SIGALRM) is raise_time_is_up
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert n_raised > 250  # Python swallows what a handler raises inside a finaliser
    request = short_request()
    engine.run([request])
    assert request.finish_reason == "length"


def test_every_held_signal_is_delivered() -> None:
    seen: list[str] = []

    def first(number: int, frame: FrameType | None) -> None:
        seen.append("first")
        raise TimeIsUpError

    def send_both_while_held() -> None:
        with held_signals():
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR2)
            assert seen == []

    before = [
        (signal.SIGUSR1, signal.signal(signal.SIGUSR1, first)),
        (signal.SIGUSR2, signal.signal(signal.SIGUSR2, lambda number, frame: seen.append("second"))),
    ]
    try:
        with pytest.raises(TimeIsUpError):
            send_both_while_held()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    assert seen == ["first", "second"]


@pytest.mark.parametrize("interrupts", [True, False])
def test_whether_a_signal_interrupts_system_calls_stays_as_it_is(interrupts: bool) -> None:
    before = signal.signal(signal.SIGUSR1, raise_time_is_up)
    try:
        signal.siginterrupt(signal.SIGUSR1, interrupts)
        with held_signals():
            assert handled_signals([signal.SIGUSR1]) == [(signal.SIGUSR1, not interrupts)]
        assert signal.getsignal(signal.SIGUSR1) is raise_time_is_up
        assert handled_signals([signal.SIGUSR1]) == [(signal.SIGUSR1, not interrupts)]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_child_forked_during_a_step_is_refused_and_never_waits() -> None:
    backend = FakeBackend()
    engine = engine_on(backend, 2000)
    exit_codes: list[int] = []

    def fork(_: object) -> None:
        backend.before_run = lambda _: None
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits
            code = 2
            try:
                engine.run([short_request()])
            except LLMAgentOSError as error:
                code = 0 if "forked" in str(error) else 3
            engine.close()
            os._exit(code)
        exit_codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    backend.before_run = fork
    worker = threading.Thread(target=engine.run, args=([short_request()],))
    worker.start()
    worker.join(30)
    assert exit_codes == [0]
    engine.close()
    assert backend.closed
