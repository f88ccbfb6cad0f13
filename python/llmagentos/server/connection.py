"""Around every request: its id, the access log, metrics, spans, headers that keep browsers careful, a last resort."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmagentos.server.errors import ApiError, api_error_of
from llmagentos.server.gate import is_guarded
from llmagentos.server.metrics import Metrics
from llmagentos.server.spans import RequestSpans

_ACCESS = logging.getLogger("llmagentos.access")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


# Asked again and again by those who watch: counted, they would hide what is asked of the models.
_POLLS = frozenset({"/health", "/ready", "/metrics"})
_OTHER = "other"  # what no route has: a name of its own for each would let anybody grow the metrics


class Connection:
    """The outermost middleware.

    A client's X-Request-ID is taken over where it is harmless. The log has no query strings, headers or bodies.

    Args:
        spans: None without OpenTelemetry.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, spans: RequestSpans | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()
        state["request_id"] = request_id.decode()
        began, status = time.monotonic(), 499  # as nginx has it: the client left before there was an answer

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), *_HEADERS, (b"x-request-id", request_id)]
                message = {**message, "headers": headers}
            await send(message)

        is_counted = scope["path"] not in _POLLS
        is_traced = is_counted and is_guarded(scope["path"])
        span = self._spans.begin(scope) if self._spans is not None and is_traced else None
        self._metrics.in_flight.inc(is_counted)
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001  (logged there; nobody else is left to answer)
            failure = api_error_of(error)
            if status == 499:
                await failure.response()(scope, receive, send_with_headers)
        finally:
            self._metrics.in_flight.dec(is_counted)
            seconds, route = time.monotonic() - began, _route_of(scope)
            if is_counted:
                self._metrics.request(route, status, seconds)
            if span is not None and self._spans is not None:
                self._spans.end(span, route, scope, status)
            _log(scope, state, status, seconds)


def _route_of(scope: Scope) -> str:
    """The template of the route that has answered, without what was filled in."""
    return str(getattr(scope.get("route"), "path", None) or scope["state"].get("route", _OTHER))


def _log(scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
    client, path = state.get("client"), scope.get("raw_path") or scope["path"].encode()
    _ACCESS.info(
        "%s %s %d %.3fs id=%s from=%s key=%s model=%s tokens=%s",
        scope["method"],
        path.decode("ascii", "backslashreplace"),
        status,
        seconds,
        state["request_id"],
        (scope.get("client") or ("-",))[0],
        (client.name if client is not None else "") or "-",
        state.get("model", "-"),
        state.get("n_tokens", "-"),
    )


class ErrorResponses:
    """What is raised inside becomes a response in OpenAI's shape; stands inside of CORS, whose headers it needs too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ApiError as error:
            await error.response()(scope, receive, send)
