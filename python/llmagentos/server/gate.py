"""Who gets in: known hosts, keys, and no more requests than can be served."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from llmagentos.server.errors import ApiError, overloaded
from llmagentos.server.keys import Client, Keys
from llmagentos.server.page import page_paths

_PUBLIC = frozenset({"/health", "/ready", "/openapi.json"}) | page_paths()
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANYBODY = Client()


@dataclass(slots=True)
class Capacity:
    """How many requests are under way, and may be.

    Attributes:
        is_stopping: whether the server takes no more of them.
    """

    max_requests: int
    n_requests: int = 0
    is_stopping: bool = False


class Gate:
    """Middleware that refuses requests before their bodies are read.

    Args:
        keys: None lets everybody in.
        hosts: names that Host may have; None allows all.
    """

    def __init__(self, app: ASGIApp, keys: Keys | None, hosts: Collection[str] | None, capacity: Capacity) -> None:
        self._app = app
        self._keys = keys
        self._hosts = hosts
        self._capacity = capacity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        self._check_host(headers.get(b"host", b"").decode("latin-1"))
        if not is_guarded(scope["path"]):
            await self._app(scope, receive, send)
            return
        client = _ANYBODY
        if self._keys is not None:
            authorization = headers.get(b"authorization")
            client = self._keys.client(None if authorization is None else authorization.decode("latin-1"))
        scope["state"]["client"] = client
        if scope["path"] == "/metrics":
            await self._app(scope, receive, send)
            return
        capacity = self._capacity
        if capacity.is_stopping:
            raise ApiError(503, "the server is stopping", code="stopping", headers={"Connection": "close"})
        if capacity.n_requests >= capacity.max_requests:
            raise overloaded(f"{capacity.n_requests} requests are under way, no more are taken: try again later")
        client.begin()
        capacity.n_requests += 1
        try:
            await self._app(scope, receive, send)
        finally:
            capacity.n_requests -= 1

    def _check_host(self, host: str) -> None:
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts is not None and name.lower() not in self._hosts:
            raise ApiError(403, f"Host {host!r} is not served here; --allowed-host allows it", code="host_not_allowed")


def allowed_hosts(is_local: bool, host: str, extra: Collection[str]) -> Collection[str] | None:
    """The names that Host may have, or None for all.

    A server for this machine is called by this machine's names only. Otherwise a web page could have its own name lead
    to 127.0.0.1, and would then be of the same origin as the server.
    """
    if not is_local or "*" in extra:
        return None
    return _LOCAL_HOSTS | {host.lower(), *(name.lower() for name in extra)}


def is_guarded(path: str) -> bool:
    """Whether a key is asked for, where there are keys."""
    return path not in _PUBLIC
