"""/v1/responses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.sampling_params import SamplingParams
from llmagentos.server.calls import Call, open_call
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.response_format import ResponseEvents, new_response, whole_response
from llmagentos.server.response_items import form_of, messages_of
from llmagentos.server.schemas.answers import ResponseObject, streamed
from llmagentos.server.schemas.responses import ResponseRequest

if TYPE_CHECKING:
    from llmagentos.llm import LLM

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/responses", response_model=None, responses=streamed(ResponseObject))
async def responses(request: Request, body: ResponseRequest) -> Response:
    """The assistant's answer to a conversation, in OpenAI's newer form."""

    def prepare(llm: LLM) -> tuple[Any, SamplingParams | None, dict[str, Any]]:
        params = body.params(llm.default_params, max_tokens=body.max_output_tokens)
        return messages_of(body), params, form_of(body)

    call = await open_call(request, body.model, prepare)
    response = new_response(body, call.work.requests[0].params)
    if not body.stream:
        (completion,) = await call.completions()
        return json_response(whole_response(response, completion, call.usage))
    call.start()
    events = ResponseEvents(response)
    return call.respond(_events(call, events), events.fail)


async def _events(call: Call, events: ResponseEvents) -> AsyncIterator[bytes]:
    yield events.begin()
    reason = None
    async for batch in call.batches():
        written = b"".join([events.add(chunk) for _, chunk in batch])
        reason = batch[-1][1].finish_reason
        if written:
            yield written
    yield events.end(reason, call.usage)
