"""/health, /ready and /metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.own_thread import in_own_thread
from llmagentos.server.errors import ApiError
from llmagentos.server.metrics import CONTENT_TYPE
from llmagentos.server.schemas.answers import ERRORS, Status
from llmagentos.server.serving import serving_of

router = APIRouter()


@router.get("/health", response_model=Status)
async def health() -> dict[str, str]:
    """Whether the server lives."""
    return {"status": "ok"}


@router.get("/ready", response_model=Status, responses={503: ERRORS[503]})
async def ready(request: Request) -> dict[str, str]:
    """Whether it takes requests: the first model is loaded, and it is not being stopped."""
    serving = serving_of(request)
    if serving.capacity.is_stopping:
        raise ApiError(503, "the server is stopping", code="stopping")
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, 401: ERRORS[401]})
async def metrics(request: Request) -> Response:
    """Counters and latencies in Prometheus' text format."""
    text = await in_own_thread(serving_of(request).metrics.text)
    return Response(text, media_type=CONTENT_TYPE)
