"""One step: schedule, run the backend once, sample from what it gave, book the results."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import AsideTime, Backend
from llmagentos.engine.batch import Step, build_step, encoder_batch
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.mask_worker import MaskWorker
from llmagentos.engine.outcome import Outcome, Sampled, outcome_of
from llmagentos.engine.pacing import StepTime
from llmagentos.engine.request import Request
from llmagentos.engine.sampler import Sampler
from llmagentos.engine.schedule import Aside, Schedule
from llmagentos.engine.scheduler import Scheduler
from llmagentos.engine.speculation import Speculator
from llmagentos.engine.statistics import Recorder
from llmagentos.errors import LLMAgentOSError

_LOGGER = logging.getLogger(__name__)


class Stepper:
    """Advances the scheduler's requests, one step at a time and by one thread at a time.

    Args:
        speculator: adds drafts to steps; None for none.
        lock: guards the scheduler and the recorder; not held while the backend and the sampler compute.
    """

    def __init__(
        self,
        backend: Backend,
        sampler: Sampler,
        scheduler: Scheduler,
        speculator: Speculator | None,
        recorder: Recorder,
        lock: threading.RLock,
    ) -> None:
        self._backend = backend
        self._sampler = sampler
        self._scheduler = scheduler
        self._speculator = speculator
        self._recorder = recorder
        self._lock = lock
        self._masks = MaskWorker(backend.pool)
        self._begun: tuple[Aside, Step] | None = None  # what the backend has aside
        self._after = 0.0  # seconds that the last step took after its results were there

    def step(self) -> None:
        """Run one step. What fails ends all requests with the error; an interruption does that and is raised."""
        began, booked = time.monotonic() - self._after, None
        try:
            with self._lock:
                schedule = self._scheduler.schedule()
                self._record_schedule(schedule)
            if schedule.inputs:
                self._encode(schedule.inputs)
            elif schedule.chunks or schedule.aside is not None:
                self._add_drafts(schedule)
                booked = self._run(schedule, began)
            _tell(schedule.ended)
        except BaseException as error:
            # What the step left half done cannot be told apart from what it did: all requests fail, none hangs.
            if isinstance(error, Exception):
                self.fail_all(error)
            else:
                self.fail_all(LLMAgentOSError("the step that this request was part of was interrupted"))
                raise
        self._recorder.deliver()
        self._after = 0.0 if booked is None else time.monotonic() - booked

    def drop_ended(self) -> list[Request]:
        """Retire what was cancelled or is late, without a step; returns it. The caller holds the lock."""
        schedule = Schedule()
        self._scheduler.drop_ended(schedule)
        self._record_schedule(schedule)
        _tell(schedule.ended)
        return schedule.ended

    def fail_all(self, error: BaseException) -> None:
        """End every request with this error, and forget the cache."""
        with self._lock:
            self._begun = None
            failed = dict.fromkeys(r.members[0] for r in self._scheduler.abandon() if not r.finished)
            for request in failed:
                request.finish("error", error)
                self._recorder.ended(request)
        _tell(failed)

    def _add_drafts(self, schedule: Schedule) -> None:
        """Let the step try out what may follow. Proposed without the lock: another model may have to run for it.

        Beside prompts the time is theirs.
        """
        if self._speculator is None or schedule.aside is not None:
            return
        try:
            drafts = self._speculator.drafts(schedule.chunks, self._scheduler.limits)
        except Exception:
            _LOGGER.exception("a step goes on without drafts, since making them failed")
            return
        if drafts:
            with self._lock:
                self._scheduler.add_drafts(schedule, drafts)

    def _encode(self, inputs: Sequence[EncoderInput]) -> None:
        self._backend.run(encoder_batch(inputs))
        with self._lock:
            for one in inputs:
                one.is_computed = True
            self._recorder.step(sum(len(one.token_ids) for one in inputs), 0, time.monotonic())

    def _run(self, schedule: Schedule, began: float) -> float:
        """Compute and book what is scheduled, in a step since `began`; returns when that was done."""
        run_began = time.monotonic()
        step, begun = self._build(schedule)
        takers = [one for built in (step, begun) if built is not None for _, one in (*built.sampled, *built.searched)]
        with self._masks.computing([one.constraint for one in takers if one.constraint is not None]):
            if begun is not None:
                self._backend.begin_aside(begun.batch)
            native_began = time.monotonic()
            logits = self._advance(step, schedule.aside_time)
            native_seconds = time.monotonic() - native_began
        batch_seconds = 0.0 if step is None else self._backend.batch_seconds
        outcomes = [] if step is None or logits is None else [outcome_of(self._sampler, step, logits)]
        ends_aside = False
        if schedule.aside is not None and self._begun is not None:
            logits = self._backend.aside_logits
            if logits is not None:
                ends_aside = True
                outcomes.append(outcome_of(self._sampler, self._begun[1].of(schedule.aside.chunks), logits))
        with self._lock:
            now = time.monotonic()
            aside_seconds = 0.0 if schedule.aside is None else native_seconds - batch_seconds
            self._learn(schedule, StepTime(now - began, batch_seconds, aside_seconds), now - run_began, ends_aside)
            if ends_aside:
                self._scheduler.end_aside()
                self._begun = None
            self._book(outcomes, now)
        _tell([chunk.request for outcome in outcomes for chunk in outcome.step.chunks])
        return now

    def _build(self, schedule: Schedule) -> tuple[Step | None, Step | None]:
        """The step's own batch, and one that begins aside with it; the first of them copies blocks."""
        copies: Sequence[tuple[int, int]] = schedule.copies
        aside, begun = schedule.aside, None
        if aside is not None and (self._begun is None or self._begun[0] is not aside):
            begun, copies = build_step(aside.chunks, schedule.copies), ()
            self._begun = (aside, begun)
        return build_step(schedule.chunks, copies) if schedule.chunks else None, begun

    def _advance(self, step: Step | None, aside_time: AsideTime | None) -> NDArray[np.float32] | None:
        """Run the step's batch, and what is aside for so long; without a batch all that is aside."""
        if step is not None:
            return self._backend.run(step.batch, aside_time)
        self._backend.finish_aside()
        return None

    def _book(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Give the requests what they got, and retire those that have ended."""
        n_computed, n_taken, touched = 0, 0, list[Request]()
        for outcome in outcomes:
            step = outcome.step
            n_computed += sum(chunk.n_tokens + len(chunk.drafts) for chunk in step.chunks)
            touched += self._book_computed(outcome)
            n_taken += self._book_tokens(outcome, now) + len(outcome.found)
            touched += self._advance_groups(outcome, now)
            for _, chunk in step.scored:
                if chunk.request.n_to_compute == 0 and not (chunk.request.finished or chunk.request.is_parked):
                    chunk.request.finish("length")
        self._recorder.step(n_computed, n_taken, now)
        for request in dict.fromkeys(touched):
            if request.finished:
                self._scheduler.retire(request)
                if request.members[0] is request:
                    self._recorder.ended(request)

    def _book_computed(self, outcome: Outcome) -> list[Request]:
        """Book scores and computed tokens; returns the requests concerned, and those that begin from them."""
        step, scheduler = outcome.step, self._scheduler
        for (_, chunk), scores in zip(step.scored, outcome.scores, strict=True):
            if isinstance(scores, Exception):
                chunk.request.finish("error", scores)
            else:
                chunk.request.prompt_scores += scores
        touched = [chunk.request for chunk in step.chunks]
        for chunk in step.chunks:
            chunk.request.n_computed += chunk.n_tokens
            scheduler.cache.publish(chunk.request)
        for chunk in step.sampling:
            if chunk.request.followers and not chunk.request.finished:
                followers = scheduler.begin_followers(chunk.request)
                touched += followers
                for follower in followers:
                    self._recorder.started(follower)
        return touched

    def _book_tokens(self, outcome: Outcome, now: float) -> int:
        """Returns how many were taken."""
        n_taken = 0
        for (_, request), sampled in zip(outcome.step.sampled, outcome.tokens, strict=True):
            if isinstance(sampled, Exception):
                request.finish("error", sampled)
            elif not request.finished:
                n_taken += self._take(request, sampled, len(outcome.step.drafts.get(request, ())), now)
        return n_taken

    def _learn(self, schedule: Schedule, took: StepTime, run_seconds: float, ends_aside: bool) -> None:
        """Learn from what a step took, `run_seconds` of it after its tokens and drafts were chosen."""
        n_tokens = sum(chunk.n_tokens for chunk in schedule.chunks)
        n_streams = sum(chunk.request.has_started for chunk in schedule.chunks)
        n_drafts = sum(len(chunk.drafts) for chunk in schedule.chunks)
        pace, aside = self._scheduler.pace, schedule.aside
        if n_drafts == 0 and n_tokens > 0:
            pace.record(n_streams, n_tokens - n_streams, took)
        if self._speculator is not None and n_tokens == n_streams > 0 and aside is None:
            self._speculator.record(n_streams, n_drafts, run_seconds)
        if aside is not None:
            aside.seconds += took.aside
            if ends_aside and self._begun is not None:
                pace.record_chunk(len(self._begun[1].batch.token_ids), aside.seconds)

    def _take(self, request: Request, sampled: Sequence[Sampled], n_drafts: int, now: float) -> int:
        """Give a request its tokens, the last of which is not computed yet; returns their number.

        Fewer than were sampled where one of them ends it.
        """
        n_before = request.n_output
        for index, (token_id, logprob) in enumerate(sampled):
            if index > 0:
                request.n_computed += 1  # the draft that was right
            try:
                request.append(token_id, logprob)
            except Exception as error:  # noqa: BLE001  (of its text or its grammar: the request's own)
                request.finish("error", error)
            self._recorder.token(request, now)
            if request.finished:
                break
        n_taken = request.n_output - n_before
        if n_drafts > 0:
            self._recorder.drafts(n_drafts, n_taken - 1)
            self._scheduler.cache.publish(request)
            self._scheduler.give_back_unused(request)
        return n_taken

    def _advance_groups(self, outcome: Outcome, now: float) -> list[Request]:
        """Give the beams what may follow them. Returns the requests of groups that have ended."""
        groups, ended = dict[BeamGroup, None](), list[Request]()
        for (_, request), continuations in zip(outcome.step.searched, outcome.found, strict=True):
            if request.group is None:
                continue
            groups[request.group] = None
            if isinstance(continuations, Exception):
                request.group.end("error", continuations)
            elif not request.group.ended:
                request.group.report(request, continuations)
        for group in groups:
            if group.is_ready:
                try:
                    group.advance(self._scheduler)
                except Exception as error:  # noqa: BLE001  (of their texts or their grammar: the group's own)
                    group.end("error", error)
                self._recorder.token(group.requests[0], now)
            if group.ended:
                ended += group.requests
        return ended

    def _record_schedule(self, schedule: Schedule) -> None:
        for request in schedule.admitted:
            self._recorder.started(request)
        for request in schedule.preempted:
            self._recorder.preempted(request)
        for request in schedule.ended:
            self._recorder.ended(request)


def _tell(requests: Iterable[Request]) -> None:
    """Wake whoever listens to these requests, which may have got a token or ended."""
    for request in requests:
        for one in request.members:
            if one.listener is not None:
                one.listener()
