"""One step: schedule, run the backend once, sample once, book the results."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import Backend
from llmagentos.completion import TokenLogprob
from llmagentos.engine.batch import Step, build_step, encoder_batch
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.each_alone import OrError, each_alone
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.mask_worker import MaskWorker
from llmagentos.engine.request import Request
from llmagentos.engine.sampler import Continuations, Sampler
from llmagentos.engine.schedule import Schedule
from llmagentos.engine.scheduler import Scheduler
from llmagentos.engine.speculation import Speculator
from llmagentos.engine.statistics import Recorder
from llmagentos.errors import LLMAgentOSError

_LOGGER = logging.getLogger(__name__)

Sampled: TypeAlias = "tuple[int, TokenLogprob | None]"


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

    def step(self) -> None:
        """Run one step. What fails ends all requests with the error; an interruption does that and is raised."""
        try:
            with self._lock:
                schedule = self._scheduler.schedule()
                self._record_schedule(schedule)
            if schedule.inputs:
                self._encode(schedule.inputs)
            elif schedule.chunks:
                self._add_drafts(schedule)
                self._run(schedule)
            _tell(schedule.ended)
        except BaseException as error:
            # What the step left half done cannot be told apart from what it did: all requests fail, none hangs.
            if isinstance(error, Exception):
                self.fail_all(error)
            else:
                self.fail_all(LLMAgentOSError("the step that this request was part of was interrupted"))
                raise
        self._recorder.deliver()

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
            failed = dict.fromkeys(r.members[0] for r in self._scheduler.abandon() if not r.finished)
            for request in failed:
                request.finish("error", error)
                self._recorder.ended(request)
        _tell(failed)

    def _add_drafts(self, schedule: Schedule) -> None:
        """Let the step try out what may follow. Proposed without the lock: another model may have to run for it."""
        if self._speculator is None or schedule.times_streams:
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

    def _run(self, schedule: Schedule) -> None:
        began = time.monotonic()
        step = build_step(schedule)
        takers = (*step.sampled, *step.searched)
        constraints = [one.constraint for _, one in takers if one.constraint is not None]
        with self._masks.computing(constraints):
            logits = self._backend.run(step.batch)  # the backend's memory, valid until its next run
        scores = self._score(step, logits)
        tokens = self._sample(step, logits)
        found = self._search(step, logits)
        with self._lock:
            self._book(step, scores, tokens, found, began)
        _tell([chunk.request for chunk in step.chunks])

    def _sample(self, step: Step, logits: NDArray[np.float32]) -> list[OrError[list[Sampled]]]:
        """The new tokens of each of step.sampled: one, and one more for each draft that came true."""

        def compute(chosen: Sequence[int]) -> list[list[Sampled]]:
            takers = [step.sampled[index] for index in chosen]
            rows, requests = [row for row, _ in takers], [request for _, request in takers]
            if step.drafts:
                drafts = [step.drafts.get(request, ()) for request in requests]
                return self._sampler.verify(logits[: step.n_sampled_rows], requests, rows, drafts)
            return [[token] for token in self._sampler.sample(logits[: step.n_sampled_rows], requests, rows)]

        return each_alone(len(step.sampled), compute) if step.sampled else []

    def _search(self, step: Step, logits: NDArray[np.float32]) -> list[OrError[Continuations]]:
        def compute(chosen: Sequence[int]) -> list[Continuations]:
            beams = [step.searched[index] for index in chosen]
            rows, requests = [row for row, _ in beams], [request for _, request in beams]
            counts = [request.group.n_continuations for request in requests if request.group is not None]
            return self._sampler.continuations(logits[: step.n_sampled_rows], requests, rows, counts)

        return each_alone(len(step.searched), compute) if step.searched else []

    def _score(self, step: Step, logits: NDArray[np.float32]) -> list[OrError[list[TokenLogprob]]]:
        first_rows = list(accumulate((len(chunk.scored) for chunk in step.scored), initial=step.n_sampled_rows))

        def score(index: int) -> list[TokenLogprob]:
            request, positions = step.scored[index].request, step.scored[index].scored
            targets = request.token_ids[positions.start + 1 : positions.stop + 1]
            rows = logits[first_rows[index] : first_rows[index + 1]]
            return self._sampler.score(rows, targets, request.prompt_logprobs or 0)

        return each_alone(len(step.scored), lambda chosen: [score(index) for index in chosen]) if step.scored else []

    def _book(
        self,
        step: Step,
        scores: list[OrError[list[TokenLogprob]]],
        tokens: list[OrError[list[Sampled]]],
        found: list[OrError[Continuations]],
        began: float,
    ) -> None:
        scheduler, recorder, now = self._scheduler, self._recorder, time.monotonic()
        n_computed = self._book_time(step, now - began)
        for chunk, chunk_scores in zip(step.scored, scores, strict=True):
            if isinstance(chunk_scores, Exception):
                chunk.request.finish("error", chunk_scores)
            else:
                chunk.request.prompt_scores += chunk_scores
        touched = [chunk.request for chunk in step.chunks]
        for chunk in step.chunks:
            chunk.request.n_computed += chunk.n_tokens
            scheduler.cache.publish(chunk.request)
        for chunk in step.sampling:
            if chunk.request.followers and not chunk.request.finished:
                followers = scheduler.begin_followers(chunk.request)
                touched += followers
                for follower in followers:
                    recorder.started(follower)
        n_taken = 0
        for (_, request), sampled in zip(step.sampled, tokens, strict=True):
            if isinstance(sampled, Exception):
                request.finish("error", sampled)
            elif not request.finished:
                n_taken += self._take(request, sampled, len(step.drafts.get(request, ())), now)
        recorder.step(n_computed, n_taken + len(found), now)
        touched += self._advance_groups(step, found, now)
        for chunk in step.scored:
            if chunk.request.n_to_compute == 0 and not (chunk.request.finished or chunk.request.is_parked):
                chunk.request.finish("length")
        for request in dict.fromkeys(touched):
            if request.finished:
                scheduler.retire(request)
                if request.members[0] is request:
                    recorder.ended(request)

    def _book_time(self, step: Step, seconds: float) -> int:
        """Learn from how long a step took; returns the tokens that it computed."""
        n_tokens = sum(chunk.n_tokens for chunk in step.chunks)
        n_streams = sum(chunk.request.has_started for chunk in step.chunks)
        n_drafts = sum(len(drafts) for drafts in step.drafts.values())
        if n_drafts == 0:
            self._scheduler.pace.record(n_streams, n_tokens - n_streams, seconds)
        if self._speculator is not None and n_tokens == n_streams:
            self._speculator.record(n_streams, n_drafts, seconds)
        return n_tokens + n_drafts

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

    def _advance_groups(self, step: Step, found: list[OrError[Continuations]], now: float) -> list[Request]:
        """Give the beams what may follow them. Returns the requests of groups that have ended."""
        groups, ended = dict[BeamGroup, None](), list[Request]()
        for (_, request), continuations in zip(step.searched, found, strict=True):
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
