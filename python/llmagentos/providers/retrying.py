"""Calls that may succeed later are made again: with growing, randomised waits, or when the service says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import tenacity

from llmagentos.errors import LLMAgentOSError, ProviderError

if TYPE_CHECKING:
    from llmagentos.providers.service import Service

ATTEMPTS = 4
MAX_WAIT = 60.0  # seconds; a service that asks for more is left to the caller
READ_TIMEOUT = 600.0  # seconds without a byte: a model may think for minutes before it answers

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_backoff = tenacity.wait_exponential_jitter(initial=0.5, max=8.0, jitter=0.5)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def call_service(service: Service, act: Callable[[float], _T], deadline: float | None) -> _T:
    """act(timeout), again where that may help.

    Args:
        act: one request; what it raises of `service.errors` is translated.
        deadline: on the monotonic clock; no attempt begins after it, nor a wait that would end after it.

    Raises:
        ProviderError: it failed for good, or the attempts or the time are used up.
    """
    attempts = tenacity.Retrying(
        stop=_ends_after(deadline),
        retry=tenacity.retry_if_exception(_may_succeed_later),
        wait=_wait,
        sleep=sleep,
        before_sleep=_tell,
        reraise=True,
    )
    answer: _T = attempts(_attempt, service, act, deadline)
    return answer


def _attempt(service: Service, act: Callable[[float], _T], deadline: float | None) -> _T:
    timeout = READ_TIMEOUT if deadline is None else min(READ_TIMEOUT, deadline - time.monotonic())
    if timeout <= 0:
        raise time_over(service)
    with translated(service):
        return act(timeout)


@contextmanager
def translated(service: Service) -> Iterator[None]:
    """What a service's client raises, and what reading its answer raises, becomes a ProviderError."""
    try:
        yield
    except LLMAgentOSError:
        raise  # some are ValueErrors too
    except service.errors as error:
        raise service.error_of(error) from None  # its own message may show what was sent


def time_over(service: Service) -> ProviderError:
    """The error for a call whose time is over."""
    return ProviderError(f"{service.title} did not answer within the call's timeout", retryable=True, timed_out=True)


def _may_succeed_later(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.retryable and (error.retry_after or 0.0) <= MAX_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, ProviderError) else None
    return _backoff(state) if asked is None else asked


def _ends_after(deadline: float | None) -> Callable[[tenacity.RetryCallState], bool]:
    def ends(state: tenacity.RetryCallState) -> bool:
        is_late = deadline is not None and time.monotonic() + state.upcoming_sleep >= deadline
        return state.attempt_number >= ATTEMPTS or is_late

    return ends


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    _log.info("%s; trying again in %.1f s", error, state.upcoming_sleep)
