"""/v1/chat/completions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.server.calls import Asked, Call
from llmagentos.server.chat_format import ChatChunks, chat_completion
from llmagentos.server.errors import ApiError
from llmagentos.server.event_stream import DONE
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.opening import open_call
from llmagentos.server.schemas.answers import Answer, streamed
from llmagentos.server.schemas.chat import ChatRequest
from llmagentos.server.token_text import TokenTexts

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/chat/completions", response_model=None, responses=streamed(Answer))
async def chat_completions(request: Request, body: ChatRequest) -> Response:
    """The assistant's answer to a conversation."""
    _check(body)

    def ask() -> Asked:
        max_tokens = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
        sampling = body.sampling(max_tokens=max_tokens, logprobs=body.n_logprobs)
        return Asked([message.as_message() for message in body.messages], sampling, body.form())

    call = await open_call(request, body.model, ask)
    tokens = TokenTexts(call.llm) if body.logprobs else None
    if not body.stream:
        return json_response(chat_completion(body.model, await call.completions(), call.usage, tokens))
    include_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
    await call.start()
    return call.respond(_events(call, ChatChunks(body.model, include_usage, tokens), include_usage))


def _check(body: ChatRequest) -> None:
    if body.top_logprobs is not None and not body.logprobs:
        raise ApiError(400, f"top_logprobs={body.top_logprobs} needs logprobs=true", param="top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "stream_options needs stream=true", param="stream_options")
    if None not in (body.max_tokens, body.max_completion_tokens) and body.max_tokens != body.max_completion_tokens:
        raise ApiError(
            400,
            f"max_tokens={body.max_tokens} contradicts max_completion_tokens={body.max_completion_tokens}",
            param="max_tokens",
        )


async def _events(call: Call, chunks: ChatChunks, include_usage: bool) -> AsyncIterator[bytes]:
    async for batch in call.batches():
        events = chunks.events(batch)
        if events:
            yield events
    yield (chunks.usage(call.usage) if include_usage else b"") + DONE
