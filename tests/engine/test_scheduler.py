from __future__ import annotations

from llmagentos.engine.blocks import BlockPool
from llmagentos.engine.pacing import PROBE_EVERY, Pace
from llmagentos.engine.prefix_cache import PrefixCache
from llmagentos.engine.request import Request, Service
from llmagentos.engine.schedule import Limits, Schedule
from llmagentos.engine.scheduler import Scheduler
from llmagentos.sampling_params import SamplingParams


def request(n_tokens: int, first: int = 1, priority: int = 0) -> Request:
    prompt = [first] * n_tokens
    return Request(prompt, SamplingParams(), 100, service=Service(priority))


def scheduler_of(n_blocks: int, budget: int = 64, running: int = 64) -> Scheduler:
    pool = BlockPool(n_blocks, 4)
    return Scheduler(pool, PrefixCache(pool), Limits(budget, 64, running), Pace())


def advance(scheduler: Scheduler, schedule: Schedule) -> None:
    """Book a step as the engine does, with token 1 sampled wherever one is due."""
    for chunk in schedule.chunks:
        samples = chunk.samples
        chunk.request.n_computed += chunk.n_tokens
        scheduler.cache.publish(chunk.request)
        if samples:
            chunk.request.append(1, None)


def chunks_of(schedule: Schedule) -> list[tuple[Request, int]]:
    return [(chunk.request, chunk.n_tokens) for chunk in schedule.chunks]


def test_a_preempted_request_goes_before_those_that_wait() -> None:
    scheduler = scheduler_of(3)
    old, young, waiting = request(4, 1), request(8, 2), request(4, 3)
    for one in (old, young, waiting):
        scheduler.add(one)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(old, 4), (young, 8)]
    advance(scheduler, schedule)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(old, 1)]
    assert schedule.preempted == [young]
    assert scheduler.waiting == [young, waiting]
    assert (young.n_computed, young.blocks) == (0, [])


def test_the_first_prompt_gets_half_and_short_ones_the_rest() -> None:
    scheduler = scheduler_of(30, budget=8)
    long, longer, short = request(20, 1), request(40, 2), request(3, 3)
    for one in (long, longer, short):
        scheduler.add(one)
    assert chunks_of(scheduler.schedule()) == [(long, 4), (longer, 1), (short, 3)]


def test_what_others_leave_goes_to_the_first_prompt() -> None:
    scheduler = scheduler_of(30, budget=16)
    long, short = request(40, 1), request(3, 2)
    scheduler.add(long)
    scheduler.add(short)
    assert chunks_of(scheduler.schedule()) == [(long, 13), (short, 3)]


def test_a_prompt_waits_where_the_streams_are_to_be_timed() -> None:
    scheduler = scheduler_of(100)
    stream, prompt = request(4, 1), request(300, 2)
    scheduler.add(stream)
    advance(scheduler, scheduler.schedule())
    scheduler.add(prompt)
    scheduler.pace.record(1, 0, 0.01)
    for _ in range(PROBE_EVERY):
        scheduler.pace.record(1, 1, 0.02)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(stream, 1)]
    assert schedule.times_streams
    assert [request for request, _ in chunks_of(scheduler.schedule())] == [stream, prompt]


def test_a_better_priority_takes_the_place_of_a_running_request() -> None:
    scheduler = scheduler_of(3, running=2)
    low, later = request(4, 1, priority=5), request(4, 2, priority=5)
    scheduler.add(low)
    scheduler.add(later)
    advance(scheduler, scheduler.schedule())
    urgent, equal = request(4, 3, priority=1), request(4, 4, priority=5)
    scheduler.add(equal)
    scheduler.add(urgent)
    schedule = scheduler.schedule()
    assert schedule.preempted == [later]
    assert schedule.admitted == [urgent]
    assert scheduler.waiting == [later, equal]


def test_who_needs_what_is_being_computed_waits_for_it_and_lets_others_by() -> None:
    scheduler = scheduler_of(30, budget=8)
    first, same, other = request(13), request(13), request(5, 2)
    for one in (first, same, other):
        scheduler.add(one)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(first, 4), (other, 4)]
    advance(scheduler, schedule)
    advance(scheduler, scheduler.schedule())
    advance(scheduler, scheduler.schedule())
    schedule = scheduler.schedule()
    assert schedule.admitted == [same]
    assert (same.n_cached, same.blocks) == (12, [*first.blocks[:3], same.blocks[3]])
