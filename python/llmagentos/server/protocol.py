"""uvicorn's HTTP protocol with a limit on how long, and how large, headers may be; it has none of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024


class TimedProtocol(HttpToolsProtocol):
    """Closes connections whose request's headers do not come in time."""

    header_timeout: float
    _header_timer: asyncio.TimerHandle | None = None
    _n_header_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_headers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._n_header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._n_header_bytes > MAX_HEADER_BYTES:
            self._give_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._have_headers()
        super().on_headers_complete()

    def _await_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_timeout, self._give_up)

    def _have_headers(self) -> None:
        self._n_header_bytes = 0
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._have_headers()
        if not self.transport.is_closing():
            self.transport.close()


def timed_protocol(header_timeout: float) -> type[TimedProtocol]:
    """The protocol with so many seconds for a request's headers."""
    return type("TimedProtocol", (TimedProtocol,), {"header_timeout": header_timeout})
