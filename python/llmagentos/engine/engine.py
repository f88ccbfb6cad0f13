"""The loop: schedule, run the backend once, sample once, hand out tokens.

There is no thread of the engine's own. Whoever waits for a result drives: one waiting caller at a time runs steps,
which advance everybody's requests, and passes the turn on as soon as it has what it waits for. An engine that nobody
waits for uses no CPU.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import Backend
from llmagentos.engine.batch import Step, build_step
from llmagentos.engine.blocks import BlockAllocator
from llmagentos.engine.interrupts import held_signals
from llmagentos.engine.request import Delta, Request
from llmagentos.engine.sampler import Sampler
from llmagentos.engine.scheduler import Scheduler
from llmagentos.errors import ContextLengthError, InvalidRequestError, LLMAgentOSError, OutOfMemoryError

# Logits of one step. A scored text wants a row per token, and with a vocabulary of 262k a row is a megabyte.
MAX_LOGIT_BYTES = 64 * 2**20
_CLOSED_EARLY = "the model was closed before the request finished"


class Engine:
    """Runs requests on a backend. Any number of threads may call it.

    Args:
        backend: runs the model; owns the KV blocks that the engine hands out.
        sampler: chooses tokens from logits.
        context_length: tokens that one request may hold.
        max_batched_tokens: tokens that one step computes at most.

    Raises:
        OutOfMemoryError: the backend's blocks do not hold one full context.
    """

    def __init__(self, backend: Backend, sampler: Sampler, context_length: int, max_batched_tokens: int) -> None:
        room = backend.n_blocks * backend.block_size
        if context_length > room:
            raise OutOfMemoryError(
                f"the KV cache holds {room} tokens, {context_length - room} fewer than one context of "
                f"{context_length}: give it more memory (kv_cache_bytes) or lower context_length"
            )
        self.context_length = context_length
        self._backend = backend
        self._sampler = sampler
        max_logit_rows = max(1, MAX_LOGIT_BYTES // (4 * backend.vocab_size))
        allocator = BlockAllocator(backend.n_blocks, backend.block_size)
        self._scheduler = Scheduler(allocator, max_batched_tokens, max_logit_rows)
        self._process = os.getpid()
        # Guards the scheduler's queues and what follows; never held while a step computes. Re-entrant, for a signal
        # handler may find its own thread holding it.
        # The lock is entered directly: its own `with` is one C call, which a handler that raises cannot cut in two.
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        # The thread that is in a step. One word tells both whether anybody drives and who: with two, a signal handler
        # that runs between their assignments would wait for its own thread.
        self._driver: int | None = None
        self._closing = False
        self._closed = False

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
            raise ContextLengthError(
                f"the prompt has {n_tokens} tokens, {excess} more than the context of {self.context_length} "
                f"takes{reserve}: shorten it, or load the model with a larger context_length",
                n_tokens,
                self.context_length,
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

    def cancel(self, requests: Sequence[Request]) -> None:
        """Drop requests, at the latest before the next step. Finished ones are left as they are.

        Takes no lock, so that it may run at any point of any thread, a generator's finaliser included.
        """
        for request in requests:
            request.cancel_requested = True

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
                self._turn.wait()
            if self._closed:
                return
            self._closed = True
            self._fail_all(LLMAgentOSError(_CLOSED_EARLY))
            self._turn.notify_all()
        self._backend.close()

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
            for request in requests:
                self._scheduler.add(request)

    def _check_outside_step(self) -> None:
        if self._driver == threading.get_ident():
            raise LLMAgentOSError("a model cannot be called from inside its own step, such as by a signal handler")

    def _drive(self, request: Request, beyond: int | None) -> None:
        """Return once the request is finished, or has more tokens than `beyond`; drive whenever nobody else does."""

        def done() -> bool:
            return request.finished or (beyond is not None and len(request.deltas) > beyond)

        while True:
            with self._lock:
                while self._driver is not None and not done():
                    self._check_outside_step()
                    self._turn.wait()
                if done():
                    return
                if self._closing:
                    raise LLMAgentOSError(_CLOSED_EARLY)
            with held_signals():
                with self._lock:
                    if self._driver is not None or self._closing:
                        continue
                    self._driver = threading.get_ident()
                try:
                    self._step()
                finally:
                    with self._lock:
                        self._driver = None
                        self._turn.notify_all()
                    self._close_if_asked()

    def _step(self) -> None:
        try:
            with self._lock:
                chunks = self._scheduler.schedule()
            if chunks:
                step = build_step(chunks)
                self._commit(step, self._backend.run(step.batch))
        except BaseException as error:
            # What the step left half done cannot be told apart from what it did: all requests fail, none hangs.
            with self._lock:
                if isinstance(error, Exception):
                    self._fail_all(error)
                else:
                    self._fail_all(LLMAgentOSError("the step that this request was part of was interrupted"))
                    raise

    def _commit(self, step: Step, logits: NDArray[np.float32]) -> None:
        """Book what the step computed; the logits are the backend's and valid only now."""
        n_sampled = len(step.sampled)
        sampled = []
        if n_sampled:
            sampled = self._sampler.sample(logits[:n_sampled], [chunk.request for chunk in step.sampled])
        row = n_sampled
        for chunk in step.scored:
            request, first = chunk.request, chunk.request.n_computed
            targets = request.token_ids[first + 1 : first + chunk.n_tokens + 1]
            cast("NDArray[np.float32]", request.scores)[first : first + chunk.n_tokens] = self._sampler.score(
                logits[row : row + chunk.n_tokens], targets
            )
            row += chunk.n_tokens
        with self._lock:
            for chunk in step.chunks:
                chunk.request.n_computed += chunk.n_tokens
            for chunk, (token_id, logprob) in zip(step.sampled, sampled, strict=True):
                chunk.request.append(token_id, logprob)
            for chunk in step.scored:
                if chunk.request.n_to_compute == 0:
                    chunk.request.finish("length")
            for chunk in step.chunks:
                if chunk.request.finished:
                    self._scheduler.retire(chunk.request)

    def _fail_all(self, error: BaseException) -> None:
        for request in self._scheduler.abandon():
            if not request.finished:
                request.error = error
                request.finish("error")


def _raise_failure(request: Request) -> None:
    if request.error is not None:
        raise request.error
