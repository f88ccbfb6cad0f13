"""What the engine does, counted: for `LLM.stats()`, and as events for whoever wants to follow."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from llmagentos.engine.request import Request
from llmagentos.engine.scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)
_KEPT = 1000  # newest measurements that percentiles are of
_WINDOW = 10.0  # seconds that a rate is over

EventKind = Literal["queued", "started", "first_token", "preempted", "ended"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a request.

    Each completion of a prompt (`n`, `best_of`) is a request of its own, with a number and all of the events; the beams
    of one search are one request together. A completion starts when the first of its prompt has computed that, and
    starts again later where `max_running` leaves it no place beside the others.

    Attributes:
        kind: "queued", "started" (or started again), "first_token", "preempted", "ended". The first and the last come
            once for each request.
        request: number of the request, in order of arrival.
        time: in seconds of time.monotonic().
        n_prompt, n_cached, n_output: tokens of the prompt, those of them found in the cache, tokens generated so far.
        finish_reason: of an ended one: "stop", "length", "timeout", "cancelled" or "error".
    """

    kind: EventKind
    request: int
    time: float
    n_prompt: int
    n_cached: int
    n_output: int
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of the newest 1,000 measurements, in seconds; None where there is none yet."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, values: deque[float]) -> Percentiles:
        ordered = sorted(values)
        if not ordered:
            return cls(None, None, None)
        return cls(*(ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.50, 0.95, 0.99)))


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A moment's view of an engine.

    Attributes:
        n_waiting, n_running: requests in the queue, and under way; completions of a prompt and beams count one by one.
        n_blocks, n_blocks_used, n_blocks_cached: KV blocks in all, owned by running requests, and kept for reuse.
        n_steps: steps run.
        n_preemptions: running requests put back into the queue because blocks ran out.
        ended: requests that have ended, by finish reason.
        prompt_tokens: of all requests that began.
        cached_tokens: those of them that were found in the prefix cache.
        computed_tokens: tokens that the model ran on, prompts and generated ones.
        generated_tokens: sampled tokens.
        drafted_tokens: tokens that were proposed and tried out, and are counted as computed.
        accepted_tokens: those of them that were right, and are counted as generated.
        tokens_per_second: generated in the last ten seconds.
        time_to_first_token: from a request's arrival to its first token.
        inter_token: between two tokens of a request.
    """

    n_waiting: int
    n_running: int
    n_blocks: int
    n_blocks_used: int
    n_blocks_cached: int
    n_steps: int
    n_preemptions: int
    ended: Mapping[str, int]
    prompt_tokens: int
    cached_tokens: int
    computed_tokens: int
    generated_tokens: int
    drafted_tokens: int
    accepted_tokens: int
    tokens_per_second: float
    time_to_first_token: Percentiles
    inter_token: Percentiles

    @property
    def hit_rate(self) -> float:
        """Share of the prompts' tokens that were found in the prefix cache."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    @property
    def acceptance_rate(self) -> float:
        """Share of the drafts that were right."""
        return self.accepted_tokens / self.drafted_tokens if self.drafted_tokens else 0.0


class Recorder:
    """Counts. Called with the engine's lock held, but for `deliver`.

    Args:
        on_event: called with each event after the step it happened in, by the thread that ran the step. What it raises
            is logged: whose step it was is chance, and nobody's request is to suffer from it. None for nobody.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        self._on_event = on_event
        self._events: deque[Event] = deque()
        self._ended: Counter[str] = Counter()
        self._n_steps = self._n_computed = self._n_generated = self._n_prompt = self._n_cached = 0
        self._n_drafted = self._n_accepted = 0
        self._first: deque[float] = deque(maxlen=_KEPT)
        self._between: deque[float] = deque(maxlen=_KEPT)
        self._recent: deque[tuple[float, int]] = deque()

    def queued(self, request: Request) -> None:
        for one in (request, *request.followers):
            self._note("queued", one, one.times.arrived)

    def started(self, request: Request) -> None:
        """A request began, or began again after a pre-emption."""
        if not request.times.began:
            request.times.began = True
            self._n_prompt += request.n_input
            self._n_cached += request.n_cached
        self._note("started", request, time.monotonic())

    def preempted(self, request: Request) -> None:
        self._note("preempted", request, time.monotonic())

    def token(self, request: Request, now: float) -> None:
        """A request got a token."""
        times = request.times
        if times.last_token is None:
            times.first_token = now
            self._first.append(now - times.arrived)
            self._note("first_token", request, now)
        else:
            self._between.append(now - times.last_token)
        times.last_token = now

    def ended(self, request: Request) -> None:
        """A request ended, and with it the completions that were to begin from it."""
        for one in (request, *request.followers):
            self._ended[str(one.finish_reason)] += 1
            self._note("ended", one, time.monotonic())

    def step(self, n_computed: int, n_generated: int, now: float) -> None:
        """A step ended."""
        self._n_steps += 1
        self._n_computed += n_computed
        self._n_generated += n_generated
        if self._recent and now - self._recent[-1][0] < 0.1:
            n_generated += self._recent[-1][1]
            now = self._recent.pop()[0]
        self._recent.append((now, n_generated))
        self._forget(now)

    def drafts(self, n_drafted: int, n_accepted: int) -> None:
        """A request's drafts were tried out."""
        self._n_drafted += n_drafted
        self._n_accepted += n_accepted

    def deliver(self) -> None:
        """Call `on_event` with what has happened since. Without the lock: it may well ask for stats.

        Whatever it raises is logged, SystemExit and KeyboardInterrupt among it: whoever looks on must not end the step
        of those who are looked at. The caller holds signals back, whose handlers raise the same.
        """
        while self._on_event is not None:
            try:
                event = self._events.popleft()
            except IndexError:
                return
            try:
                self._on_event(event)
            except BaseException:
                _LOGGER.exception("on_event failed")

    def stats(self, scheduler: Scheduler) -> EngineStats:
        pool, now = scheduler.pool, time.monotonic()
        self._forget(now)
        seconds = now - self._recent[0][0] if self._recent else 0.0
        n_recent = sum(n for _, n in self._recent)
        return EngineStats(
            n_waiting=len(scheduler.waiting),
            n_running=len(scheduler.running),
            n_blocks=pool.n_blocks,
            n_blocks_used=pool.n_blocks - pool.n_free,
            n_blocks_cached=pool.n_idle,
            n_steps=self._n_steps,
            n_preemptions=scheduler.n_preempted,
            ended=dict(self._ended),
            prompt_tokens=self._n_prompt,
            cached_tokens=self._n_cached,
            computed_tokens=self._n_computed,
            generated_tokens=self._n_generated,
            drafted_tokens=self._n_drafted,
            accepted_tokens=self._n_accepted,
            tokens_per_second=n_recent / max(seconds, 0.1),
            time_to_first_token=Percentiles.of(self._first),
            inter_token=Percentiles.of(self._between),
        )

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0][0] > _WINDOW:
            self._recent.popleft()

    def _note(self, kind: EventKind, request: Request, now: float) -> None:
        if self._on_event is not None and request.members[0] is request:
            reason = request.finish_reason
            event = Event(kind, request.arrival, now, request.n_input, request.n_cached, request.n_output, reason)
            self._events.append(event)
