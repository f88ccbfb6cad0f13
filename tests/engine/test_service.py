"""What callers ask for besides tokens: a place in the queue, an end in time, a bound on the queue, and news."""

from __future__ import annotations

import threading
import time

import pytest

from llmagentos.engine import turns
from llmagentos.engine.request import Request, Service
from llmagentos.engine.statistics import Event
from llmagentos.errors import QueueFullError
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend


def served(prompt: list[int], n_new: int, **service: object) -> Request:
    params = SamplingParams(temperature=0, seed=1)
    return Request(prompt, params, len(prompt) + n_new, service=Service(**service))  # type: ignore[arg-type]


def test_a_request_ends_in_time_with_the_tokens_it_has() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    request = served([1, 2], 50, deadline=time.monotonic() + 3600)

    def run_out(_: object) -> None:
        if len(backend.n_tokens_per_run) == 4:
            request.service = Service(deadline=time.monotonic())

    backend.before_run = run_out
    engine.run([request])
    assert request.finish_reason == "timeout"
    assert request.token_ids == alone([1, 2], 5)
    assert_idle(engine)


def test_a_late_request_never_runs() -> None:
    backend = FakeBackend()
    request = served([1], 5, deadline=time.monotonic())
    engine_on(backend).run([request])
    assert (request.finish_reason, request.n_output, backend.n_tokens_per_run) == ("timeout", 0, [])


def test_a_better_priority_is_served_first() -> None:
    backend = FakeBackend()
    engine = engine_on(backend, max_running=1)
    low, high = served([1], 3, priority=1), served([2], 3, priority=0)
    order: list[int] = []
    backend.before_run = lambda batch: order.append(int(batch.positions[-1]))  # type: ignore[attr-defined]
    tokens: list[int] = []
    backend.before_run = lambda batch: tokens.append(int(batch.token_ids[0]))
    engine.run([low, high])
    assert tokens[:1] == [2]
    assert (low.token_ids, high.token_ids) == (alone([1], 3), alone([2], 3))


def test_a_full_queue_refuses_a_call_and_serves_those_in_it() -> None:
    engine = engine_on(FakeBackend(), max_running=1, max_queued=2)
    waiting = engine.stream(request_for([1], 5))
    next(waiting)
    batch = [request_for([n], 3) for n in range(4)]
    engine._submit(batch)  # a call's own batch counts as it stands
    with pytest.raises(QueueFullError, match="4 requests are waiting, and no more than max_queued=2 may"):
        engine.run([request_for([9])])
    for request in batch:
        engine._turns.drive(request, None)
    assert [request.token_ids for request in batch] == [alone([n], 3) for n in range(4)]


def test_statistics_count_what_happened() -> None:
    engine = engine_on(FakeBackend(block_size=4))
    engine.run([request_for(list(range(10)), 4)])
    engine.run([request_for(list(range(10)), 4)])
    stats = engine.stats()
    assert (stats.n_waiting, stats.n_running, stats.n_blocks_used) == (0, 0, 0)
    assert stats.n_blocks_cached == 3
    assert (stats.prompt_tokens, stats.cached_tokens, stats.hit_rate) == (20, 8, 0.4)
    assert (stats.computed_tokens, stats.generated_tokens, stats.n_steps) == (10 + 2 + 6, 8, 8)
    assert stats.ended == {"length": 2}
    assert stats.tokens_per_second > 0
    assert stats.time_to_first_token.p50 is not None
    assert stats.inter_token.p99 is not None


def test_events_tell_a_requests_story() -> None:
    events: list[Event] = []
    engine = engine_on(FakeBackend(n_blocks=4, block_size=4), on_event=events.append)
    requests = [request_for([n, n], 12) for n in range(2)]
    engine.run(requests)
    story = [event.kind for event in events if event.request == 1]
    assert story == ["queued", "started", "first_token", "preempted", "started", "ended"]
    last = events[-1]
    assert (last.kind, last.finish_reason, last.n_prompt, last.n_output) == ("ended", "length", 2, 12)


def test_an_event_hook_that_raises_is_logged_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event) -> None:
        raise ValueError(event.kind)

    engine = engine_on(FakeBackend(), on_event=fail)
    request = request_for([1, 2], 4)
    engine.start([request])
    background = engine._turns._background
    assert background is None or not background.join(10)
    assert request.token_ids == alone([1, 2], 4)
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]] == [
        ("queued",),
        ("started",),
        ("first_token",),
        ("ended",),
    ]
    engine.run([request_for([1], 2)])
    assert_idle(engine)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_a_hook_cannot_end_anybodys_requests(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event) -> None:
        if event.kind in ("started", "ended"):
            raise error

    engine = engine_on(FakeBackend(), on_event=fail)
    for number in range(3):  # the engine's own thread, which ends in between
        request = request_for([1, number], 4)
        ended = threading.Event()
        request.listener = lambda request=request, ended=ended: ended.set() if request.finished else None  # type: ignore[misc]
        engine.start([request])
        assert ended.wait(10)
        assert request.token_ids == alone([1, number], 4)
    request = request_for([1, 2], 4)
    engine.run([request])
    assert request.finish_reason == "length"
    # Not what the engine of another test still had to tell.
    failed = [one for one in caplog.records if one.exc_info is not None and one.exc_info[1] is error]
    assert [one.getMessage() for one in failed] == ["on_event failed"] * 8
    engine.start([request_for([1], 2000)])
    engine.close()
    assert engine._closed


def test_a_closed_stream_of_an_idle_engine_is_gone() -> None:
    events: list[Event] = []
    engine = engine_on(FakeBackend(), on_event=events.append)
    stream = engine.stream(request_for([1], 50))
    next(stream)
    stream.close()
    stats = engine.stats()
    assert (stats.n_running, stats.n_waiting, stats.n_blocks_used, stats.ended) == (0, 0, 0, {"cancelled": 1})
    assert (events[-1].kind, events[-1].finish_reason) == ("ended", "cancelled")
    assert_idle(engine)


def test_statistics_from_inside_a_step_change_nothing() -> None:
    seen: list[int] = []
    engine = engine_on(FakeBackend(), on_event=lambda event: seen.append(engine.stats().n_running))
    first = engine.stream(request_for([1], 50))
    next(first)
    first.close()
    engine.run([request_for([2], 3)])
    assert_idle(engine)
    assert max(seen) <= 2


def test_closing_tells_of_the_requests_it_ends() -> None:
    events: list[Event] = []
    engine = engine_on(FakeBackend(), on_event=events.append)
    stream = engine.stream(request_for([1], 50))
    next(stream)
    engine.close()
    assert (events[-1].kind, events[-1].finish_reason) == ("ended", "error")


def test_a_caller_that_waits_long_leaves_no_place_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place whose caller is gone would be handed the turn, and everybody would wait for nobody."""
    monkeypatch.setattr(turns, "_LOST_TURN_SECONDS", 0.01)
    backend = FakeBackend()
    engine = engine_on(backend)
    entered, go_on = threading.Event(), threading.Event()
    backend.before_run = lambda batch: (entered.set(), go_on.wait(10))  # type: ignore[func-returns-value]
    driver = threading.Thread(target=engine.run, args=([request_for([1], 2)],))
    driver.start()
    assert entered.wait(10)
    others = [threading.Thread(target=engine.run, args=([request_for([n], 2)],)) for n in (2, 3)]
    for thread in others:
        thread.start()
    time.sleep(0.2)
    assert len(engine._turns._waiters) <= 2
    go_on.set()
    for thread in (driver, *others):
        thread.join(10)
    assert engine._turns._waiters == []
    assert_idle(engine)
