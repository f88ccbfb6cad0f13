"""How large a request's body may be, and how long it may take to come."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmagentos.server.errors import ApiError

_CLOSE = {"Connection": "close"}  # what is left of the body is not worth reading


class BodyLimits:
    """Middleware that cuts bodies short.

    Args:
        max_bytes: of a body.
        timeout: seconds for all of it.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            raise self._too_large()
        loop = asyncio.get_running_loop()
        deadline, n_bytes, is_complete = loop.time() + self._timeout, 0, False

        async def bounded() -> Message:
            nonlocal n_bytes, is_complete
            if is_complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), deadline - loop.time())
            except asyncio.TimeoutError:
                seconds = f"{self._timeout:g}"
                raise ApiError(408, f"the body did not come within {seconds} seconds", headers=_CLOSE) from None
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_bytes:
                raise self._too_large()
            is_complete = not message.get("more_body", False)
            return message

        await self._app(scope, bounded, send)

    def _too_large(self) -> ApiError:
        return ApiError(
            413, f"the body has more than the {self._max_bytes} bytes that are taken", code="too_large", headers=_CLOSE
        )
