from __future__ import annotations

from llmagentos.engine.blocks import BlockPool
from llmagentos.engine.pacing import Pace, StepTime
from llmagentos.engine.prefix_cache import PrefixCache
from llmagentos.engine.request import Request, Service
from llmagentos.engine.schedule import Limits, Schedule
from llmagentos.engine.scheduler import Scheduler
from llmagentos.sampling_params import SamplingParams


def request(n_tokens: int, first: int = 1, priority: int = 0) -> Request:
    prompt = [first] * n_tokens
    return Request(prompt, SamplingParams(), max(100, n_tokens + 10), service=Service(priority))


def scheduler_of(n_blocks: int, budget: int = 64, running: int = 64) -> Scheduler:
    pool = BlockPool(n_blocks, 4)
    return Scheduler(pool, PrefixCache(pool), Limits(budget, 64, running), Pace())


def advance(scheduler: Scheduler, schedule: Schedule, *, is_aside_done: bool = True) -> None:
    """Book a step as the engine does, with token 1 sampled wherever one is due."""
    chunks = list(schedule.chunks)
    if schedule.aside is not None and is_aside_done:
        chunks += schedule.aside.chunks
        scheduler.end_aside()
    for chunk in chunks:
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
    assert chunks_of(scheduler.schedule()) == [(long, 5), (short, 3)]


def test_what_others_leave_goes_to_the_first_prompt() -> None:
    scheduler = scheduler_of(30, budget=16)
    long, short = request(40, 1), request(3, 2)
    scheduler.add(long)
    scheduler.add(short)
    assert chunks_of(scheduler.schedule()) == [(long, 13), (short, 3)]


def beside_a_stream(*prompts: Request) -> tuple[Scheduler, Request]:
    """Prompts that came when a stream was under way, of which nothing is known."""
    scheduler = scheduler_of(200)
    stream = request(4, 9)
    scheduler.add(stream)
    advance(scheduler, scheduler.schedule())
    for prompt in prompts:
        scheduler.add(prompt)
    return scheduler, stream


def test_beside_streams_prompts_are_computed_aside() -> None:
    long, short = request(300, 1), request(20, 2)
    scheduler, stream = beside_a_stream(long, short)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(stream, 1)]
    assert schedule.aside is not None
    assert schedule.aside_time is not None
    assert [(chunk.request, chunk.n_tokens) for chunk in schedule.aside.chunks] == [(long, 44), (short, 20)]
    advance(scheduler, schedule, is_aside_done=False)
    assert scheduler.schedule().aside is schedule.aside


def test_what_is_aside_is_finished_when_no_stream_is_left() -> None:
    scheduler, stream = beside_a_stream(request(300, 1))
    aside = scheduler.schedule().aside
    stream.cancel_requested = True
    schedule = scheduler.schedule()
    assert (schedule.chunks, schedule.aside, schedule.aside_time) == ([], aside, None)


def test_who_leaves_what_is_aside_leaves_its_blocks_until_that_is_done() -> None:
    long, other = request(300, 1), request(290, 2)
    scheduler, stream = beside_a_stream(long, other)
    before = scheduler.schedule().aside
    held, n_free = list(long.blocks), scheduler.pool.n_free
    long.cancel_requested = True
    schedule = scheduler.schedule()
    assert schedule.aside is before
    assert schedule.aside is not None
    assert [chunk.request for chunk in schedule.aside.chunks] == [other]
    assert schedule.aside.held == held
    assert scheduler.pool.n_free == n_free
    scheduler.end_aside()
    assert scheduler.pool.n_free == n_free + len(held)
    assert stream in scheduler.running


def test_what_is_aside_is_given_up_with_the_last_that_waits_for_it_and_where_its_blocks_are_needed() -> None:
    long = request(300, 1)
    scheduler, stream = beside_a_stream(long)
    assert scheduler.schedule().aside is not None
    long.cancel_requested = True
    assert scheduler.schedule().aside is None
    assert scheduler.pool.n_free == scheduler.pool.n_blocks - len(stream.blocks)
    small = scheduler_of(12)
    old, young = request(4, 1), request(30, 2)
    small.add(old)
    advance(small, small.schedule())
    small.add(young)
    aside = small.schedule().aside
    assert aside is not None
    for _ in range(40):
        advance(small, small.schedule(), is_aside_done=False)
    assert small.aside is None
    assert young in small.waiting


def test_a_scored_prompt_of_better_rank_leaves_streams_their_rows() -> None:
    scheduler = scheduler_of(200, budget=512)
    stream = request(4, 9, priority=1)
    scheduler.add(stream)
    advance(scheduler, scheduler.schedule())
    scored = Request([1] * 300, SamplingParams(), 310, prompt_logprobs=0)
    scheduler.add(scored)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(stream, 1)]
    assert schedule.aside is not None
    assert schedule.aside.chunks[0].n_logit_rows == 64
    scheduler.end_aside()
    scheduler.pace.record_chunk(100, 0.01)
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(stream, 1)]
    assert schedule.aside is not None
    assert schedule.aside.chunks[0].request is scored


def test_prompts_that_end_soon_join_the_streams() -> None:
    long, short = request(300, 1), request(20, 2)
    scheduler, stream = beside_a_stream(long, short)
    scheduler.pace.record(0, 100, StepTime(0.1, 0.1))
    schedule = scheduler.schedule()
    assert chunks_of(schedule) == [(stream, 1), (short, 20)]
    assert schedule.aside is not None
    assert [chunk.request for chunk in schedule.aside.chunks] == [long]


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
