"""Whose turn it is to run steps: whoever waits for a result drives.

One waiting caller at a time runs steps, which advance everybody's requests, and passes the turn on as soon as it has
what it waits for. Callers that must not block, such as those of asyncio, have a thread drive for them, which ends when
they have nothing under way. An engine that nobody waits for uses no CPU.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from llmagentos.engine.interrupts import held_signals
from llmagentos.engine.request import Request
from llmagentos.errors import LLMAgentOSError

_LOGGER = logging.getLogger(__name__)
_LOST_TURN_SECONDS = 1.0
CLOSED_EARLY = "the model was closed before the request finished"


class Turns:
    """Lets one thread at a time run steps.

    Args:
        step: runs one.
        lock: guards the queues of requests and what is here; never held while a step computes. Re-entrant, for a signal
            handler may find its own thread holding it. It is entered directly: its own `with` is one C call, which a
            handler that raises cannot cut in two.
        on_left: called by the thread that ran a step, after it, with the turn given back.
    """

    def __init__(self, step: Callable[[], None], lock: threading.RLock, on_left: Callable[[], None]) -> None:
        self._step = step
        self._lock = lock
        self._on_left = on_left
        self._stepped = threading.Condition(lock)  # for wait_until_free(), which must give up every hold on the lock
        self._waiters: list[_Waiter] = []
        # The thread that is in a step. One word tells both whether anybody drives and who: with two, a signal handler
        # that runs between their assignments would wait for its own thread.
        self._driver: int | None = None
        self._are_over = False
        # Requests that nobody waits for in a thread of their own, and the thread that drives while there are any.
        self._unattended: deque[Request] = deque()
        self._background: threading.Thread | None = None

    @property
    def is_taken(self) -> bool:
        """Whether a thread is in a step."""
        return self._driver is not None

    @property
    def is_mine(self) -> bool:
        """Whether the caller is in a step, as a signal handler may be."""
        return self._driver == threading.get_ident()

    @property
    def are_over(self) -> bool:
        """Whether `end` was called."""
        return self._are_over

    def check_outside_step(self) -> None:
        """Check that the caller is not called from inside a step.

        Raises:
            LLMAgentOSError: it is.
        """
        if self.is_mine:
            raise LLMAgentOSError("a model cannot be called from inside its own step, such as by a signal handler")

    def drive(self, request: Request, beyond: int | None) -> None:
        """Return once the request is finished, or has more tokens than `beyond`; drive whenever nobody else does."""

        def done() -> bool:
            return request.finished or (beyond is not None and len(request.deltas) > beyond)

        try:
            while not done():
                if self._are_over:
                    raise LLMAgentOSError(CLOSED_EARLY)
                if not self._try_step():
                    self._sleep(done)
        finally:
            self._pass_on()

    def drive_unattended(self, requests: Sequence[Request]) -> None:
        """Have a thread of its own drive until these have ended."""
        with self._lock:
            self._unattended.extend(requests)
            if self._background is None:
                # A daemon: a program that ends need not wait for answers that nobody will read.
                thread = threading.Thread(target=self._run_background, name="llmagentos", daemon=True)
                thread.start()
                self._background = thread  # not one that could not be started: the next call tries again

    def end(self) -> None:
        """Let nobody begin a step any more."""
        self._are_over = True

    def wait_until_free(self) -> None:
        """Wait, with the lock held, until the step under way is through."""
        while self._driver is not None:
            self._stepped.wait()

    def wake_served(self) -> None:
        """Wake those that have what they wait for; waking all after every step would cost more than the step."""
        waiting = []
        for waiter in self._waiters:
            if waiter.done() or self._are_over:
                waiter.lock.release()
            else:
                waiting.append(waiter)
        self._waiters = waiting

    def _try_step(self) -> bool:
        """Run a step, unless somebody else does or there are to be no more."""
        with held_signals():
            with self._lock:
                self.check_outside_step()
                if self._driver is not None or self._are_over:
                    return False
                self._driver = threading.get_ident()
            try:
                self._step()
            finally:
                with self._lock:
                    self._driver = None
                    self.wake_served()
                    self._stepped.notify_all()
                self._on_left()
        return True

    def _sleep(self, done: Callable[[], bool]) -> None:
        """Wait for a step that gives what the caller waits for, or for its turn to drive."""
        waiter = _Waiter(done)
        with self._lock:
            self.check_outside_step()
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

    def _pass_on(self) -> None:
        """Let another drive, now that the caller will not."""
        with self._lock:
            if self._driver is None and self._waiters:
                self._waiters.pop(0).lock.release()

    def _run_background(self) -> None:
        while True:
            with self._lock:
                if not self._unattended:
                    self._background = None
                    return
                request = self._unattended.popleft()
            try:
                self.drive(request, None)
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
