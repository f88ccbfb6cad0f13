"""/v1/models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from llmagentos.server.errors import ApiError
from llmagentos.server.schemas.answers import ERRORS, ModelCard, ModelList
from llmagentos.server.serving import serving_of

router = APIRouter()


@router.get("/v1/models", response_model=ModelList, responses=ERRORS)
async def models(request: Request) -> dict[str, Any]:
    """The models that there are, loaded or not."""
    return {"object": "list", "data": [_card(request, name) for name in serving_of(request).models.names]}


@router.get("/v1/models/{model:path}", response_model=ModelCard, responses=ERRORS)
async def model(request: Request, model: str) -> dict[str, Any]:
    """One model."""
    if model not in serving_of(request).models.names:
        raise ApiError(404, f"there is no model {model!r} here", code="model_not_found", param="model")
    return _card(request, model)


def _card(request: Request, name: str) -> dict[str, Any]:
    created = int(serving_of(request).models.started(name))
    return {"id": name, "object": "model", "created": created, "owned_by": "llmagentos"}
