"""What the routes of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from fastapi import Request

from llmagentos.server.config import ServerConfig
from llmagentos.server.gate import Capacity
from llmagentos.server.keys import Client
from llmagentos.server.metrics import Metrics
from llmagentos.server.model_pool import ModelPool
from llmagentos.server.moderation import Moderator

_T = TypeVar("_T")


def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix=f"llmagentos-{name}")


@dataclass(frozen=True)
class Serving:
    """One server's parts.

    Attributes:
        moderator: None where no guard is configured.
    """

    config: ServerConfig
    models: ModelPool
    metrics: Metrics
    capacity: Capacity
    moderator: Moderator | None = None
    _preparing: ThreadPoolExecutor = field(default_factory=partial(_threads, "prepare"))
    _computing: ThreadPoolExecutor = field(default_factory=partial(_threads, "compute"))

    async def prepared(self, function: Callable[[], _T]) -> _T:
        """What the function returns: a prompt encoded, a schema compiled. A long one delays nobody's tokens."""
        return await asyncio.get_running_loop().run_in_executor(self._preparing, function)

    async def computed(self, function: Callable[[], _T]) -> _T:
        """What the function returns: a model's vectors, rules' findings. No prompt waits for these to be encoded."""
        return await asyncio.get_running_loop().run_in_executor(self._computing, function)

    def close(self) -> None:
        """Begin nothing any more."""
        for threads in (self._preparing, self._computing):
            threads.shutdown(wait=False, cancel_futures=True)


def serving_of(request: Request) -> Serving:
    """The server that a request came to."""
    serving = request.app.state.serving
    assert isinstance(serving, Serving)  # noqa: S101  (what create_app has put there)
    return serving


def client_of(request: Request) -> Client:
    """Who sent a request; the gate has said so."""
    client = request.state.client
    assert isinstance(client, Client)  # noqa: S101  (what the gate has put there)
    return client


def charge(request: Request, n_tokens: int) -> None:
    """Count tokens that were computed for a request: for its key, and for the log. From whatever thread has computed
    them, be the client still there or not."""
    state = request.state
    state.n_tokens = getattr(state, "n_tokens", 0) + n_tokens
    client_of(request).charge(n_tokens)
