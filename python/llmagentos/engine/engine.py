"""The loop: whoever waits for a result drives.

One waiting caller at a time runs steps, which advance everybody's requests, and passes the turn on as soon as it has
what it waits for. Callers that must not block, such as those of asyncio, have a thread drive for them, which ends when
they have nothing under way. An engine that nobody waits for uses no CPU.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmagentos.backends.protocol import Backend
from llmagentos.engine.blocks import BlockPool
from llmagentos.engine.exits import close_at_exit
from llmagentos.engine.forced_tokens import ForcingSampler
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
from llmagentos.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMAgentOSError,
    OutOfMemoryError,
    QueueFullError,
)

if TYPE_CHECKING:
    from llmagentos.models.lora import LowRank

_LOGGER = logging.getLogger(__name__)

# Logits of one step. A scored text wants a row per token, and with a vocabulary of 262k a row is a megabyte.
MAX_LOGIT_BYTES = 64 * 2**20
_LOST_TURN_SECONDS = 1.0
_CLOSED_EARLY = "the model was closed before the request finished"


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How an engine works.

    Attributes:
        context_length: tokens that one request may hold; of an encoder-decoder model those of the decoder.
        max_batched_tokens: tokens that one step computes at most; one encoder's input may be longer.
        max_running: sequences under way together at most; completions of one prompt and beams count one by one.
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
        logit_rows = max(1, MAX_LOGIT_BYTES // (4 * backend.vocab_size))
        limits = Limits(config.max_batched_tokens, logit_rows, min(config.max_running, logit_rows))
        pool = BlockPool(backend.n_blocks, backend.block_size)
        cache = PrefixCache(pool, config.prefix_cache)
        self._scheduler = Scheduler(pool, cache, limits, Pace(config.inter_token_target))
        self._recorder = Recorder(config.on_event)
        self._process = os.getpid()
        # Guards the scheduler's queues and what follows; never held while a step computes. Re-entrant, for a signal
        # handler may find its own thread holding it.
        # The lock is entered directly: its own `with` is one C call, which a handler that raises cannot cut in two.
        self._lock = threading.RLock()
        self._stepped = threading.Condition(self._lock)  # for close(), whose wait must give up every hold on the lock
        self._waiters: list[_Waiter] = []
        self._proposer = proposer
        speculator = None if proposer is None else Speculator(proposer, StepTimes())
        self._stepper = Stepper(backend, sampler, self._scheduler, speculator, self._recorder, self._lock)
        # The thread that is in a step. One word tells both whether anybody drives and who: with two, a signal handler
        # that runs between their assignments would wait for its own thread.
        self._driver: int | None = None
        self._closing = False
        self._closed = False
        self._adapters = set[int]()
        # Requests that nobody waits for in a thread of their own, and the thread that drives while there are any.
        self._unattended: deque[Request] = deque()
        self._background: threading.Thread | None = None
        close_at_exit(self)

    def check_open(self) -> None:
        """Check that nobody has called close().

        Raises:
            LLMAgentOSError: somebody has.
        """
        if self._closing:
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
                self._drive(request, None)
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
                self._drive(request, n_taken)
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
        with self._lock:
            self._unattended.extend(requests)
            if self._background is None:
                # A daemon: a program that ends need not wait for answers that nobody will read.
                self._background = threading.Thread(target=self._drive_unattended, name="llmagentos", daemon=True)
                self._background.start()

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        """Take an adapter on for requests to name; see `Backend.load_adapter`."""
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
        with self._lock:
            self.check_open()
            # One that was cancelled may be in the step under way, and no more than that.
            users = [
                request
                for request in (*self._scheduler.running, *self._scheduler.waiting)
                if request.service.adapter == adapter and (self._driver is not None or not request.cancel_requested)
            ]
            if users:
                raise InvalidRequestError(
                    f"is in use by requests under way or waiting, {len(users)} of them: let them end, or cancel them"
                )
            self._adapters.discard(adapter)
        self._backend.unload_adapter(adapter)

    def stats(self) -> EngineStats:
        """Queues, blocks, rates and latencies as they are now."""
        ended = list[Request]()
        with self._lock:
            if self._driver is None:  # what was cancelled since the last step would be there until the next one
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
        if self._is_forked():
            return  # the model is the parent's, and so may be whatever lock was held when this process began
        with self._lock:
            self._closing = True
            if self._driver == threading.get_ident():
                return
            while self._driver is not None:
                self._stepped.wait()
            if self._closed:
                return
            self._closed = True
            self._stepper.fail_all(LLMAgentOSError(_CLOSED_EARLY))
            self._wake_served()
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
        if self._closing:
            self.close()

    def _is_forked(self) -> bool:
        return self._process != os.getpid()

    def _submit(self, requests: Sequence[Request]) -> None:
        if self._is_forked():
            raise LLMAgentOSError(
                "this process was forked after the model was loaded and has none of its threads: load it in the "
                "process that uses it"
            )
        with self._lock:
            self.check_open()
            self._check_outside_step()
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

    def _check_outside_step(self) -> None:
        if self._driver == threading.get_ident():
            raise LLMAgentOSError("a model cannot be called from inside its own step, such as by a signal handler")

    def _drive(self, request: Request, beyond: int | None) -> None:
        """Return once the request is finished, or has more tokens than `beyond`; drive whenever nobody else does."""

        def done() -> bool:
            return request.finished or (beyond is not None and len(request.deltas) > beyond)

        try:
            while not done():
                if self._closing:
                    raise LLMAgentOSError(_CLOSED_EARLY)
                if not self._try_step():
                    self._sleep(done)
        finally:
            self._pass_on()

    def _try_step(self) -> bool:
        """Run a step, unless somebody else does or the engine is being closed."""
        with held_signals():
            with self._lock:
                self._check_outside_step()
                if self._driver is not None or self._closing:
                    return False
                self._driver = threading.get_ident()
            try:
                self._stepper.step()
            finally:
                with self._lock:
                    self._driver = None
                    self._wake_served()
                    self._stepped.notify_all()
                self._close_if_asked()
        return True

    def _sleep(self, done: Callable[[], bool]) -> None:
        """Wait for a step that gives what the caller waits for, or for its turn to drive."""
        waiter = _Waiter(done)
        with self._lock:
            self._check_outside_step()
            if done() or self._driver is None:
                return
            self._waiters.append(waiter)
        # A plain lock: a signal handler that raises inside a Condition's wait may find it without the lock it expects.
        # The time-out is for a turn that was lost because such a handler cut _pass_on short.
        try:
            waiter.lock.acquire(timeout=_LOST_TURN_SECONDS)
        finally:
            with self._lock:
                if waiter in self._waiters:  # nobody woke it; left there, it would be handed a turn it cannot take
                    self._waiters.remove(waiter)

    def _wake_served(self) -> None:
        """Wake those that have what they wait for; waking all after every step would cost more than the step."""
        waiting = []
        for waiter in self._waiters:
            if waiter.done() or self._closing:
                waiter.lock.release()
            else:
                waiting.append(waiter)
        self._waiters = waiting

    def _pass_on(self) -> None:
        """Let another drive, now that the caller will not."""
        with self._lock:
            if self._driver is None and self._waiters:
                self._waiters.pop(0).lock.release()

    def _drive_unattended(self) -> None:
        while True:
            with self._lock:
                if not self._unattended:
                    self._background = None
                    return
                request = self._unattended.popleft()
            try:
                self._drive(request, None)
            except LLMAgentOSError:
                # The engine was closed: whoever listens is told by the request's own error.
                continue
            except BaseException:
                _LOGGER.exception("a step failed")


class _Waiter:
    """A caller that sleeps: what it waits for, and a lock that is released to wake it."""

    __slots__ = ("done", "lock")

    def __init__(self, done: Callable[[], bool]) -> None:
        self.done = done
        self.lock = threading.Lock()
        self.lock.acquire()


def leaders(requests: Sequence[Request]) -> list[Request]:
    """Those that do not begin from another of them, and of beams the one that computes the prompt."""
    followers = {follower for request in requests for follower in request.followers}
    return [request for request in requests if request not in followers and request.members[0] is request]


def _raise_failure(request: Request) -> None:
    if request.error is not None:
        raise request.error
