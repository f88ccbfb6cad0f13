"""What many callers share: requests are admitted, driven to their ends (turns.py), cancelled and accounted for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmagentos.backends.protocol import Backend
from llmagentos.engine.blocks import BlockPool
from llmagentos.engine.exits import close_at_exit
from llmagentos.engine.forced_tokens import ForcingSampler
from llmagentos.engine.forks import Origin
from llmagentos.engine.interrupts import held_signals
from llmagentos.engine.pacing import Pace
from llmagentos.engine.prefix_cache import PrefixCache
from llmagentos.engine.request import Delta, Request
from llmagentos.engine.sampler import Sampler
from llmagentos.engine.schedule import Limits
from llmagentos.engine.scheduler import Scheduler
from llmagentos.engine.speculation import Proposer, Speculator
from llmagentos.engine.statistics import EngineStats, Event, Recorder
from llmagentos.engine.step_times import StepTimes
from llmagentos.engine.stepper import Stepper
from llmagentos.engine.turns import CLOSED_EARLY, Turns
from llmagentos.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMAgentOSError,
    OutOfMemoryError,
    QueueFullError,
)

if TYPE_CHECKING:
    from llmagentos.models.lora import LowRank

# Sequences under way together, and the logits of one step: a scored text wants a row per token, and with a vocabulary
# of 262k a row is a megabyte.
_USUAL_RUNNING = 128
_LOGIT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How an engine works.

    Attributes:
        context_length: tokens that one request may hold; of an encoder-decoder model those of the decoder.
        max_batched_tokens: tokens of a step's batch at most, and of what is computed aside; an encoder's input may be
            longer.
        max_running: sequences under way together at most, each with a row of logits; completions of one prompt and
            beams count one by one.
        max_queued: requests that may wait for their turn; a call that finds as many is refused.
        prefix_cache: whether prompts use what earlier ones have computed of the same beginning.
        inter_token_target: seconds between two tokens of a stream that a prompt beside it may stretch them to; None
            allows a multiple of what they take undisturbed.
        encoder_length: tokens that the encoder of such a model takes; None without an encoder.
        on_event: called with each event, by the thread that ran the step it happened in. What it raises is logged.
        can_be_longer: whether the model may be loaded with a larger context_length.
    """

    context_length: int
    max_batched_tokens: int
    max_running: int
    max_queued: int
    prefix_cache: bool = True
    inter_token_target: float | None = None
    on_event: Callable[[Event], None] | None = None
    encoder_length: int | None = None
    can_be_longer: bool = True


class Engine:
    """Runs requests on a backend. Any number of threads may call it.

    Args:
        backend: runs the model; owns the KV blocks that the engine hands out.
        sampler: chooses tokens from logits.
        config: see there.
        proposer: makes drafts of what follows, for steps to try out; closed with the engine. None for none.

    Raises:
        OutOfMemoryError: the backend's blocks do not hold one full context.
    """

    def __init__(
        self, backend: Backend, sampler: Sampler, config: EngineConfig, proposer: Proposer | None = None
    ) -> None:
        context_length, encoder_length = config.context_length, config.encoder_length
        n_input_blocks = -(-(encoder_length or 0) // backend.block_size)
        room = (backend.n_blocks - n_input_blocks) * backend.block_size
        if context_length > room:
            raise OutOfMemoryError(
                f"the KV cache holds {room} tokens, {context_length - room} fewer than one context of "
                f"{context_length}: give it more memory (kv_cache_bytes) or lower context_length"
            )
        self.context_length = context_length
        self.encoder_length = encoder_length
        sampler = sampler if encoder_length is None else ForcingSampler(sampler)
        self._backend = backend
        self._max_queued = config.max_queued
        self._can_be_longer = config.can_be_longer
        logit_rows = max(_usual_logit_rows(backend.vocab_size), config.max_running)
        limits = Limits(config.max_batched_tokens, logit_rows, config.max_running)
        pool = BlockPool(backend.n_blocks, backend.block_size)
        cache = PrefixCache(pool, config.prefix_cache)
        self._scheduler = Scheduler(pool, cache, limits, Pace(config.inter_token_target))
        self._recorder = Recorder(config.on_event)
        self._origin = Origin()
        self._lock = threading.RLock()  # guards the scheduler's queues and what follows; see Turns
        self._proposer = proposer
        speculator = None if proposer is None else Speculator(proposer, StepTimes())
        self._stepper = Stepper(backend, sampler, self._scheduler, speculator, self._recorder, self._lock)
        self._turns = Turns(self._stepper.step, self._lock, self._close_if_asked)
        self._closed = False
        self._adapters = set[int]()
        close_at_exit(self)

    def check_open(self) -> None:
        """Check that nobody has called close().

        Raises:
            LLMAgentOSError: somebody has.
        """
        if self._turns.are_over:
            raise LLMAgentOSError("this model is closed; load it again")

    def check_fits(self, n_tokens: int, n_new: int = 1) -> None:
        """Check that `n_tokens` leave room for `n_new` more.

        Raises:
            InvalidRequestError: there are no tokens.
            ContextLengthError: they do not fit; says by how much.
        """
        if n_tokens == 0:
            raise InvalidRequestError("the prompt is empty: it must have at least one token")
        excess = n_tokens + n_new - self.context_length
        if excess > 0:
            reserve = " with room for one new token" if n_new else ""
            otherwise = ", or load the model with a larger context_length" if self._can_be_longer else ""
            raise ContextLengthError(
                f"the prompt has {n_tokens} tokens, {excess} more than the context of {self.context_length} "
                f"takes{reserve}: shorten it{otherwise}",
                n_tokens,
                self.context_length,
            )

    def check_input_fits(self, n_tokens: int) -> None:
        """Check that the encoder can read so many tokens.

        Raises:
            InvalidRequestError: there are no tokens, or there is no encoder.
            ContextLengthError: they do not fit; says by how much.
        """
        if n_tokens == 0:
            raise InvalidRequestError("the prompt is empty: it must have at least one token")
        if self.encoder_length is None:
            raise InvalidRequestError("this model has no encoder")
        if n_tokens > self.encoder_length:
            raise ContextLengthError(
                f"the prompt has {n_tokens} tokens, {n_tokens - self.encoder_length} more than the "
                f"{self.encoder_length} that this model's encoder takes: shorten it",
                n_tokens,
                self.encoder_length,
            )

    def run(self, requests: Sequence[Request]) -> None:
        """Run requests to their ends; whatever cuts this short (Ctrl-C, an error) cancels them all.

        Raises:
            Exception: what the backend raised in a step.
        """
        try:
            self._submit(requests)
            for request in requests:
                self._turns.drive(request, None)
                _raise_failure(request)
        except BaseException:
            self.cancel(requests)
            raise

    def stream(self, request: Request) -> Generator[Delta, None, None]:
        """Run a request and yield its tokens as they come. Closing the iterator cancels the request."""
        try:
            self._submit([request])
            n_taken = 0
            while True:
                self._turns.drive(request, n_taken)
                if len(request.deltas) == n_taken:
                    _raise_failure(request)
                    return
                yield request.deltas[n_taken]
                n_taken += 1
        finally:
            self.cancel([request])

    def start(self, requests: Sequence[Request]) -> None:
        """Begin requests that a thread of the engine's own drives; their listeners hear of every token and the end."""
        self._submit(requests)
        try:
            self._turns.drive_unattended(requests)
        except BaseException:  # no thread could be started
            self.cancel(requests)
            raise

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        """Take an adapter on for requests to name; see `Backend.load_adapter`."""
        self._origin.check()
        self.check_open()
        adapter = self._backend.load_adapter(changes)
        with self._lock:
            self._adapters.add(adapter)
        return adapter

    def unload_adapter(self, adapter: int) -> None:
        """Free an adapter's memory.

        Raises:
            InvalidRequestError: a request that is queued or under way uses it.
        """
        self._origin.check()
        with self._lock:
            self.check_open()
            # One that was cancelled may be in the step under way, and no more than that.
            named = [request for request in self._scheduler.requests if request.service.adapter == adapter]
            users = [r for r in named if self._turns.is_taken or not (r.finished or r.cancel_requested)]
            if users:
                raise InvalidRequestError(
                    f"is in use by requests under way or waiting, {len(users)} of them: let them end, or cancel them"
                )
            if named:
                self._scheduler.end_aside()  # which may name it for some that have ended
            self._adapters.discard(adapter)
        self._backend.unload_adapter(adapter)

    def stats(self) -> EngineStats:
        """Queues, blocks, rates and latencies as they are now."""
        self._origin.check()
        ended = list[Request]()
        with self._lock:
            if not self._turns.is_taken:  # what was cancelled since the last step would be there until the next one
                ended = self._stepper.drop_ended()
            stats = self._recorder.stats(self._scheduler)
        if ended:
            self._deliver_events()
        return stats

    def cancel(self, requests: Sequence[Request]) -> None:
        """Drop requests, at the latest before the next step. Finished ones are left as they are.

        Takes no lock, so that it may run at any point of any thread, a generator's finaliser included.
        """
        for request in requests:
            for one in request.members:
                one.cancel_requested = True

    def close(self) -> None:
        """Fail what is unfinished and give the backend's memory back, once the step under way is through.

        From inside a step (a signal handler on the thread that drives) it returns at once, and that thread closes when
        it has left the step.
        """
        if self._origin.is_forked:
            return
        with self._lock:
            self._turns.end()
            if self._turns.is_mine:
                return
            self._turns.wait_until_free()
            if self._closed:
                return
            self._closed = True
            self._stepper.fail_all(LLMAgentOSError(CLOSED_EARLY))
            self._turns.wake_served()
        self._backend.close()
        if self._proposer is not None:
            self._proposer.close()
        self._deliver_events()

    def _deliver_events(self) -> None:
        """Outside a step, which does this at its end."""
        with held_signals():
            self._recorder.deliver()

    def _close_if_asked(self) -> None:
        """Carry out a close() that came from inside the step just left."""
        if self._turns.are_over:
            self.close()

    def _submit(self, requests: Sequence[Request]) -> None:
        self._origin.check()
        with self._lock:
            self.check_open()
            self._turns.check_outside_step()
            if any(request.service.adapter not in (None, *self._adapters) for request in requests):
                raise InvalidRequestError("the adapter was unloaded before the request began")
            n_waiting = len(self._scheduler.waiting)
            if n_waiting >= self._max_queued:
                raise QueueFullError(
                    f"{n_waiting} requests are waiting, and no more than max_queued={self._max_queued} may: try again "
                    "later"
                )
            for request in leaders([request for request in requests if not request.finished]):
                self._scheduler.add(request)
                self._recorder.queued(request)


def usual_running(vocab_size: int) -> int:
    """How many sequences are under way together where nobody says how many may be."""
    return min(_USUAL_RUNNING, _usual_logit_rows(vocab_size))


def _usual_logit_rows(vocab_size: int) -> int:
    return max(1, _LOGIT_BYTES // (4 * vocab_size))


def leaders(requests: Sequence[Request]) -> list[Request]:
    """Those that do not begin from another of them, and of beams the one that computes the prompt."""
    followers = {follower for request in requests for follower in request.followers}
    return [request for request in requests if request not in followers and request.members[0] is request]


def _raise_failure(request: Request) -> None:
    if request.error is not None:
        raise request.error
