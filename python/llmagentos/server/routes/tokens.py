"""/tokenize, /detokenize and /tokenizer_info."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.schemas.answers import ERRORS, Text, TokenizerCard, Tokens
from llmagentos.server.schemas.tokens import DetokenizeRequest, TokenizeRequest
from llmagentos.server.serving import serving_of

if TYPE_CHECKING:
    from llmagentos.llm import LLM

_T = TypeVar("_T")

router = APIRouter(route_class=JsonRoute)


@router.post("/tokenize", response_model=None, responses={**ERRORS, 200: {"model": Tokens}})
async def tokenize(request: Request, body: TokenizeRequest) -> Response:
    """The token ids of a text."""
    ids = await _asked(
        request,
        body.model,
        lambda llm: llm.tokenize(body.prompt, body.add_special_tokens, body.parse_special_tokens),
    )
    return json_response({"tokens": ids, "count": len(ids)})


@router.post("/detokenize", response_model=None, responses={**ERRORS, 200: {"model": Text}})
async def detokenize(request: Request, body: DetokenizeRequest) -> Response:
    """The text of token ids."""
    text = await _asked(request, body.model, lambda llm: llm.detokenize(body.tokens, body.skip_special_tokens))
    return json_response({"prompt": text})


@router.get("/tokenizer_info", response_model=None, responses={**ERRORS, 200: {"model": TokenizerCard}})
async def tokenizer_info(request: Request, model: str | None = None) -> Response:
    """The texts of special tokens, and the chat template; without a model those of the server's first."""
    return json_response(asdict(await _asked(request, model, lambda llm: llm.tokenizer_info)))


async def _asked(request: Request, model: str | None, ask: Callable[[LLM], _T]) -> _T:
    serving = serving_of(request)
    with await serving.models.lease(serving.models.names[0] if model is None else model) as lease:
        work = serving.prepared(partial(ask, lease.llm))
        return await unless_disconnected(request, work, serving.config.request_timeout)
