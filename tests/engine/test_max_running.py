"""No more sequences run together than may, completions of a prompt and beams counted one by one."""

from __future__ import annotations

from collections import Counter

import pytest

from llmagentos.engine.engine import Engine, usual_running
from llmagentos.engine.request import Request
from llmagentos.engine.statistics import Event

from .engines import alone, assert_idle, engine_on, request_for, search_for
from .fake_backend import FakeBackend

PROMPT = list(range(9))


def completions(n: int, n_new: int = 7) -> list[Request]:
    group = [request_for(PROMPT, n_new, choice=choice, temperature=1.0) for choice in range(n)]
    group[0].followers = group[1:]
    return group


def watched(max_running: int, **config: object) -> tuple[Engine, list[int]]:
    """An engine, and how many sequences ran in each of its steps."""
    backend, counts = FakeBackend(block_size=4), list[int]()
    engine = engine_on(backend, max_running=max_running, **config)  # type: ignore[arg-type]
    backend.before_run = lambda batch: counts.append(
        max(len(engine._scheduler.running), len(batch.sequence_starts) - 1)
    )
    return engine, counts


@pytest.mark.parametrize("prefix_cache", [True, False])
@pytest.mark.parametrize("max_running", [1, 2, 3])
def test_completions_of_a_prompt_take_turns(max_running: int, prefix_cache: bool) -> None:
    engine, counts = watched(max_running, prefix_cache=prefix_cache)
    group, beside = completions(6), request_for([3], 5)
    engine.run([*group, beside])
    assert [request.token_ids for request in group] == [
        alone(PROMPT, 7, choice, temperature=1.0) for choice in range(6)
    ]
    assert beside.token_ids == alone([3], 5)
    assert max(counts) == max_running
    assert_idle(engine)


@pytest.mark.parametrize("max_running", [1, 2, 3, 8])
def test_beams_take_turns(max_running: int) -> None:
    engine, counts = watched(max_running)
    searched, free = search_for(PROMPT, num_beams=4), search_for(PROMPT, num_beams=4)
    beside = request_for([3], 30)
    engine.run([*searched, beside])
    engine_on(FakeBackend()).run(free)
    assert [request.token_ids for request in searched] == [request.token_ids for request in free]
    assert [request.sequence_score for request in searched] == [request.sequence_score for request in free]
    assert beside.token_ids == alone([3], 30)
    assert max(counts) <= max_running
    assert_idle(engine)


def test_what_is_asked_for_holds_for_a_large_vocabulary_too() -> None:
    backend, most = FakeBackend(vocab_size=2**20, n_blocks=200), []
    engine = engine_on(backend, max_running=20)
    backend.before_run = lambda batch: most.append(len(batch.sequence_starts) - 1)
    engine.run([request_for([3], 2) for _ in range(20)])
    assert max(most) == 20
    assert (usual_running(2**20), usual_running(49_152)) == (16, 128)


def test_a_search_does_not_wait_for_the_end_of_a_request_beside_it() -> None:
    engine, _ = watched(2)
    searched, beside = search_for(PROMPT, 5, num_beams=4), request_for([3], 100)
    engine._submit([beside])
    engine._turns._try_step()
    engine.run(searched)
    assert not beside.finished
    engine._turns.drive(beside, None)


def test_a_waiting_completion_ends_when_it_is_cancelled() -> None:
    engine, _ = watched(1)
    group = completions(3)
    engine._submit(group)
    engine._turns._try_step()
    engine.cancel([group[2]])
    for request in group:
        engine._turns.drive(request, None)
    assert [request.finish_reason for request in group] == ["length", "length", "cancelled"]
    assert_idle(engine)


def test_each_completion_has_the_same_events() -> None:
    events: list[Event] = []
    engine, _ = watched(2, on_event=events.append)
    engine.run(completions(4))
    stories = {number: [event.kind for event in events if event.request == number] for number in range(4)}
    assert stories[0] == stories[1] == ["queued", "started", "first_token", "ended"]
    assert stories[2] == stories[3] == ["queued", "started", "first_token", "started", "ended"]
    assert engine.stats().ended == {"length": 4}


def test_completions_that_never_began_have_an_end_as_well() -> None:
    events: list[Event] = []
    engine, _ = watched(8, on_event=events.append)
    group = completions(3)
    engine._submit(group)
    engine.cancel(group)
    engine._turns._try_step()
    assert Counter((event.kind, event.finish_reason) for event in events) == {
        ("queued", None): 3,
        ("ended", "cancelled"): 3,
    }
    assert engine.stats().ended == {"cancelled": 3}
    failed = completions(3)
    engine._submit(failed)
    engine.close()
    assert [event.finish_reason for event in events[-3:]] == ["error"] * 3


def test_the_beams_of_a_search_are_one_request() -> None:
    events: list[Event] = []
    engine, _ = watched(8, on_event=events.append)
    engine.run(search_for(PROMPT, num_beams=4))
    assert [(event.kind, event.request) for event in events] == [
        ("queued", 0),
        ("started", 0),
        ("first_token", 0),
        ("ended", 0),
    ]
