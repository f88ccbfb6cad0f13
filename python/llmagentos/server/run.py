"""The server as a process: sockets, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from llmagentos.errors import InvalidRequestError
from llmagentos.server.app import create_app
from llmagentos.server.config import ServerConfig
from llmagentos.server.model_pool import Open
from llmagentos.server.protocol import timed_protocol
from llmagentos.server.serving import Serving

_LOGGER = logging.getLogger("llmagentos.server")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAST_WORDS_SECONDS = 5  # for streams to tell that they have failed


class Server(uvicorn.Server):
    """uvicorn's server, which lets requests under way end, and fails in order those that do not.

    Args:
        on_ready: called with the address once requests are taken.
    """

    def __init__(self, app: FastAPI, config: ServerConfig, on_ready: Callable[[str], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=timed_protocol(config.header_timeout),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(config.drain_timeout) + _LAST_WORDS_SECONDS,
            )
        )
        self._serving: Serving = app.state.serving
        self._drain_timeout = config.drain_timeout
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when told to. uvicorn's own would send itself the signal again when all is done."""
        is_main = threading.current_thread() is threading.main_thread()
        before = {one: signal.signal(one, self.handle_exit) for one in _SIGNALS} if is_main else {}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (the shape of a signal handler)
        """Once: requests under way may end. Twice: they fail in order. Three times: they are cut."""
        if self._loop is None or not self.started:
            os._exit(0)  # a model that is being fetched or loaded cannot be stopped, and nobody waits for anything yet
        self.force_exit = self._hurry.is_set()
        if self.should_exit:
            self._loop.call_soon_threadsafe(self._hurry.set)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        # Before uvicorn has the application do it, whose errors it only logs.
        await self._serving.models.start()
        await super().startup(sockets)
        if self._on_ready is not None and self.started and sockets:
            self._on_ready(_address(sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._serving.capacity.is_stopping = True
        n_requests = self._serving.capacity.n_requests
        if n_requests:
            _LOGGER.info("stopping: %d requests are under way", n_requests)
        ending = asyncio.create_task(self._fail_late())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _fail_late(self) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._drain_timeout)
        await self._serving.models.close()  # what runs on them fails, and streams say so


def serve(config: ServerConfig, on_ready: Callable[[str], None] | None = None, open_model: Open | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        InvalidRequestError: the address cannot be listened at; says why.
        LLMAgentOSError: the first model cannot be loaded.
    """
    app = create_app(config, open_model)
    listening = listen(config.host, config.port)
    server = Server(app, config, on_ready)
    try:
        server.run([listening])
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; who calls before requests are taken waits.

    Raises:
        InvalidRequestError: the address cannot be listened at; says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # At once: another server that starts meanwhile could bind the address as well, as long as neither listens.
        listening.listen()
    except OSError as error:
        raise InvalidRequestError(f"cannot listen at {host} port {port}: {error.strerror or error}") from None
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
