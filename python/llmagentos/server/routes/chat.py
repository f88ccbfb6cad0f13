"""/v1/chat/completions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.openai_protocol.answer import ChatChunks, chat_completion
from llmagentos.openai_protocol.request import ChatRequest
from llmagentos.openai_protocol.sampling import StreamOptions
from llmagentos.openai_protocol.token_texts import TokenTexts
from llmagentos.server.calls import Asked
from llmagentos.server.choice_stream import choice_events
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.opening import open_call
from llmagentos.server.schemas.answers import Answer, streamed

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/chat/completions", response_model=None, responses=streamed(Answer))
async def chat_completions(request: Request, body: ChatRequest) -> Response:
    """The assistant's answer to a conversation."""
    body.check()
    call = await open_call(request, body.model, lambda: Asked(body.as_messages(), body.chat_sampling(), body.form()))
    tokens = TokenTexts(call.llm.token_bytes) if body.logprobs else None
    if not body.stream:
        return json_response(chat_completion(body.model, await call.completions(), call.usage, tokens))
    options = body.stream_options or StreamOptions()
    await call.start()
    return call.respond(choice_events(call, ChatChunks(body.model, bool(options.include_usage), tokens), options))
