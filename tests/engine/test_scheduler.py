from __future__ import annotations

from llmagentos.engine.blocks import BlockAllocator
from llmagentos.engine.request import Request
from llmagentos.engine.scheduler import Scheduler
from llmagentos.sampling_params import SamplingParams


def request(n_tokens: int) -> Request:
    return Request([1] * n_tokens, SamplingParams(), 100)


def test_a_preempted_request_goes_before_those_that_wait() -> None:
    scheduler = Scheduler(BlockAllocator(3, 4), 64, 64)
    old, young, waiting = request(4), request(8), request(4)
    for one in (old, young, waiting):
        scheduler.add(one)
    assert [chunk.request for chunk in scheduler.schedule()] == [old, young]
    for one in (old, young):
        one.n_computed = one.n_prompt
        one.append(1, None)
    assert [chunk.request for chunk in scheduler.schedule()] == [old]
    assert list(scheduler.waiting) == [young, waiting]
    assert (young.n_computed, young.blocks) == (0, [])


def test_running_requests_come_first_and_share_the_budget() -> None:
    scheduler = Scheduler(BlockAllocator(8, 4), 6, 64)
    first, second = request(4), request(8)
    scheduler.add(first)
    scheduler.add(second)
    assert [(c.request, c.n_tokens) for c in scheduler.schedule()] == [(first, 4), (second, 2)]
