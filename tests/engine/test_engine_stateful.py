"""Random operations against a simple model: nothing leaks or starves, and every answer is the one it has alone."""

from __future__ import annotations

import time
from functools import cache

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llmagentos.completion import TokenLogprob
from llmagentos.engine.pacing import Pace
from llmagentos.engine.request import Request, Service
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, search_for
from .fake_backend import FakeBackend
from .guesses import Guesses, knowing, try_all

PROMPTS = [(1,), (1, 2, 3, 4, 5), (1, 2, 3, 4, 9), (7, 7, 7), tuple(range(12)), (*range(12), 1)]
ENDS = frozenset(range(0, 260, 9))  # many, so that searches end at any length


@cache
def expected(prompt: tuple[int, ...], n_new: int, choice: int) -> list[int]:
    return alone(list(prompt), n_new, choice, temperature=1.0)


@cache
def expected_scores(prompt: tuple[int, ...]) -> list[TokenLogprob]:
    request = Request(prompt, SamplingParams(temperature=1.0, seed=1), len(prompt) + 1, prompt_logprobs=1)
    engine_on(FakeBackend()).run([request])
    return request.prompt_scores


@cache
def best_texts(prompt: tuple[int, ...], n_new: int, num_beams: int) -> list[list[int]]:
    requests = search_for(prompt, n_new, ENDS, num_beams=num_beams)
    engine_on(FakeBackend()).run(requests)
    return [request.token_ids for request in requests]


class EngineMachine(RuleBasedStateMachine):
    """Steps the engine by hand, and keeps what each request was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.backend = FakeBackend(n_blocks=9, block_size=4)
        self.engine = engine_on(self.backend, context_length=32, max_batched_tokens=11, max_running=5)
        self.asked: list[tuple[Request, tuple[int, ...], int, int]] = []
        self.searches: list[tuple[list[Request], tuple[int, ...], int]] = []

    @rule(prompt=st.sampled_from(PROMPTS), n_new=st.integers(1, 12), n=st.integers(1, 3), priority=st.integers(0, 1))
    def submit(self, prompt: tuple[int, ...], n_new: int, n: int, priority: int) -> None:
        params = SamplingParams(temperature=1.0, seed=1)
        length = len(prompt) + n_new
        service = Service(priority)
        group = [Request(prompt, params, length, choice=choice, service=service) for choice in range(n)]
        group[0].followers = group[1:]
        self.engine._submit(group)
        self.asked += [(request, prompt, n_new, choice) for choice, request in enumerate(group)]

    @rule(prompt=st.sampled_from(PROMPTS), n_new=st.integers(1, 6))
    def submit_scored(self, prompt: tuple[int, ...], n_new: int) -> None:
        params = SamplingParams(temperature=1.0, seed=1)
        request = Request(prompt, params, len(prompt) + n_new, prompt_logprobs=1)
        self.engine._submit([request])
        self.asked.append((request, prompt, n_new, 0))

    @rule(prompt=st.sampled_from(PROMPTS), n_new=st.integers(1, 6), beams=st.integers(2, 4), priority=st.integers(0, 1))
    def search(self, prompt: tuple[int, ...], n_new: int, beams: int, priority: int) -> None:
        requests = search_for(prompt, n_new, ENDS, Service(priority), num_beams=beams)
        self.engine._submit(requests)
        self.searches.append((requests, prompt, n_new))

    @rule(times=st.integers(1, 4))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.engine._stepper.step()

    @rule(index=st.integers(0, 100))
    def cancel(self, index: int) -> None:
        if self.requests:
            self.engine.cancel([self.requests[index % len(self.requests)]])

    @rule(index=st.integers(0, 100))
    def run_out_of_time(self, index: int) -> None:
        if self.requests:
            request = self.requests[index % len(self.requests)]
            request.service = Service(request.service.priority, deadline=time.monotonic())

    @property
    def requests(self) -> list[Request]:
        return [request for request, *_ in self.asked] + [one for beams, *_ in self.searches for one in beams]

    @invariant()
    def no_more_run_than_may(self) -> None:
        assert len(self.engine._scheduler.running) <= 5

    @invariant()
    def owners_are_those_that_run(self) -> None:
        scheduler = self.engine._scheduler
        owned = [block for request in scheduler.running for block in request.blocks]
        owned += [] if scheduler.aside is None else scheduler.aside.held
        assert {b: owned.count(b) for b in owned} == scheduler.pool._n_owners
        assert not any(request.blocks for request in scheduler.waiting)
        assert scheduler.running == sorted(scheduler.running, key=lambda r: r.rank)
        assert scheduler.waiting == sorted(scheduler.waiting, key=lambda r: r.rank)

    @invariant()
    def tokens_are_those_of_the_request_alone(self) -> None:
        for request, prompt, n_new, choice in self.asked:
            tokens = request.token_ids
            assert tokens == expected(prompt, n_new, choice)[: len(tokens)]
            if request.finish_reason == "length":
                assert len(tokens) == len(prompt) + n_new
            if request.prompt_logprobs is not None:
                assert request.prompt_scores == expected_scores(prompt)[: len(request.prompt_scores)]

    @invariant()
    def texts_found_are_those_of_the_search_alone(self) -> None:
        for requests, prompt, n_new in self.searches:
            if requests[0].finish_reason in ("stop", "length"):
                assert [request.token_ids for request in requests] == best_texts(prompt, n_new, len(requests))
            assert len({request.finished for request in requests}) == 1

    def teardown(self) -> None:
        # Everybody gets there: no request needs more steps than its tokens, a step each while they are aside, times
        # those that may go first and how often it is put back; a search whose beams have no room together computes each
        # of them anew for each token.
        for _ in range(60 * len(self.asked) + 200 * len(self.searches) + 1):
            self.engine._stepper.step()
        assert all(request.finished for request in self.requests)
        assert_idle(self.engine)


class DraftingMachine(EngineMachine):
    """The same with drafts tried out, of which the first two are right."""

    def __init__(self) -> None:
        super().__init__()
        texts = [expected(prompt, 12, choice) for prompt in PROMPTS for choice in range(3)]
        try_all(self.engine, Guesses(knowing(texts, n_right=2)))


class PacedMachine(EngineMachine):
    """The same where no prompt may join a step of streams: all are computed aside, a few tokens at a time."""

    def __init__(self) -> None:
        super().__init__()
        scheduler = self.engine._scheduler
        scheduler.pace = SmallChunks()
        self.backend.max_aside = 5
        self.backend.is_aside_wanted = lambda: scheduler.aside is not None

    @rule(pieces=st.integers(0, 3))
    def change_pace(self, pieces: int) -> None:
        self.backend.pieces_per_run = pieces

    def teardown(self) -> None:
        self.backend.pieces_per_run = 1
        super().teardown()


class SmallChunks(Pace):
    def joining_tokens(self, n_streams: int) -> int:
        return 0

    def chunk_tokens(self, n_streams: int, most: int) -> int:
        return min(5, most)


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
TestDraftingMachine = DraftingMachine.TestCase
TestDraftingMachine.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
TestPacedMachine = PacedMachine.TestCase
TestPacedMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
