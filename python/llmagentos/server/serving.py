"""What the routes of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request

from llmagentos.server.config import ServerConfig
from llmagentos.server.gate import Capacity
from llmagentos.server.keys import Client
from llmagentos.server.metrics import Metrics
from llmagentos.server.model_pool import ModelPool
from llmagentos.server.moderation import Moderator

_T = TypeVar("_T")


@dataclass(frozen=True)
class Serving:
    """One server's parts.

    Attributes:
        moderator: None where no guard is configured.
        threads: where prompts are encoded and schemas compiled, so that a long one delays nobody's tokens.
    """

    config: ServerConfig
    models: ModelPool
    metrics: Metrics
    capacity: Capacity
    moderator: Moderator | None = None
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="llmagentos-prepare")
    )

    async def in_thread(self, function: Callable[[], _T]) -> _T:
        """What the function returns, without blocking the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)


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
