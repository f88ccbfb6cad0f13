"""Connections that fail, whichever of the two HTTP packages a service's client is built on."""

from __future__ import annotations

import importlib

from llmagentos.errors import ProviderError

CONNECT_TIMEOUT = 10.0  # seconds


def _found() -> tuple[type[Exception], ...]:
    """The base of all errors of httpx and of httpx2, its successor; one of the two is there."""
    found = []
    for name in ("httpx2", "httpx"):
        try:
            found.append(importlib.import_module(name).HTTPError)
        except ImportError:
            continue
    return tuple(found)


TRANSPORT_ERRORS = _found()


def transport_error(title: str, base_url: str, error: BaseException) -> ProviderError:
    """The error for a connection that could not be made, broke or was silent for too long."""
    kind = type(error).__name__
    detail = str(error) or kind
    if "Timeout" in kind:
        return ProviderError(f"{title} ({base_url}) did not answer in time: {kind}", retryable=True, timed_out=True)
    return ProviderError(f"{title} ({base_url}) cannot be reached, or broke off: {detail}", retryable=True)
