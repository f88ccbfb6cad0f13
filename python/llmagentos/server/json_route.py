"""Bodies of requests: JSON that says so, of bounded depth."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from llmagentos.server.errors import ApiError

MAX_DEPTH = 64


class JsonRequest(Request):
    """A request whose body is checked before anything looks into it."""

    async def json(self) -> Any:
        try:
            value = orjson.loads(await self.body())
        except ValueError as error:
            raise ApiError(400, f"the body is no JSON: {error}", code="invalid_json") from None
        if not _is_shallow(value):
            raise ApiError(400, f"the body is nested more than {MAX_DEPTH} levels deep", code="invalid_json")
        return value


class JsonRoute(APIRoute):
    """A route that reads its body so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            # Web pages of other origins may send bodies of other types without being asked.
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if request.method != "GET" and kind != "application/json":
                raise ApiError(415, "Content-Type must be application/json", code="unsupported_media_type")
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for one in level
            if isinstance(one, (dict, list))
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return True
    return False


def json_response(value: object) -> Response:
    """A value as JSON. NumPy's arrays become lists, float32 the shortest numbers that are the same."""
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
