"""/v1/moderations."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.errors import ApiError
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.moderation import Flags
from llmagentos.server.schemas.answers import ERRORS, Moderation
from llmagentos.server.schemas.moderations import ModerationRequest
from llmagentos.server.serving import charge, client_of, serving_of

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/moderations", response_model=None, responses={**ERRORS, 200: {"model": Moderation}})
async def moderations(request: Request, body: ModerationRequest) -> Response:
    """Which categories each text belongs to."""
    serving = serving_of(request)
    if serving.moderator is None:
        raise ApiError(404, "no guard is configured here: --moderation, or [moderation] in the settings, does")
    work = serving.moderator.flags(body.texts, serving, client_of(request).name, partial(charge, request))
    found = await unless_disconnected(request, work, serving.config.request_timeout)
    results = [_result(flags) for flags in found]
    return json_response({"id": f"modr-{secrets.token_hex(12)}", "model": body.model or "guards", "results": results})


def _result(flags: Flags) -> dict[str, Any]:
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": {category: float(is_flagged) for category, is_flagged in flags.items()},
        "category_applied_input_types": {category: ["text"] for category in flags},
    }
