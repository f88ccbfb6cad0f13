"""/v1/completions: prompts continued as they are."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.openai_protocol.sampling import StreamOptions
from llmagentos.openai_protocol.token_texts import TokenTexts
from llmagentos.server.calls import Asked, Call
from llmagentos.server.choice_stream import choice_events
from llmagentos.server.completion_format import CompletionChunks, Echo, choice_of, text_completion
from llmagentos.server.errors import ApiError
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.opening import open_call
from llmagentos.server.schemas.answers import Answer, streamed
from llmagentos.server.schemas.completions import CompletionRequest
from llmagentos.server.schemas.texts import MAX_TEXTS

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/completions", response_model=None, responses=streamed(Answer))
async def completions(request: Request, body: CompletionRequest) -> Response:
    """Continuations of one prompt or of several."""
    _check(body)

    def ask() -> Asked:
        scores_prompt = body.echo and body.logprobs is not None
        prompt_logprobs = body.logprobs if scores_prompt else 0 if body.max_tokens == 0 else None
        sampling = body.sampling(
            max_tokens=body.max_tokens,
            logprobs=body.logprobs,
            prompt_logprobs=prompt_logprobs,
            n=body.n,
            best_of=body.best_of,
        )
        return Asked(body.prompts, sampling, {})

    call = await open_call(request, body.model, ask)
    tokens = None if body.logprobs is None else TokenTexts(call.llm.token_bytes)
    n = body.n or 1
    if not body.stream:
        answers = await call.completions()
        echoes = _echoes(call, body) if body.echo else [None] * len(answers)
        choices = [choice_of(index, answer, echoes[index // n], tokens) for index, answer in enumerate(answers)]
        return json_response(text_completion(body.model, choices, call.usage))
    options = body.stream_options or StreamOptions()
    texts = [echo.text for echo in _echoes(call, body) for _ in range(n)] if body.echo else []
    await call.start()
    chunks = CompletionChunks(body.model, bool(options.include_usage), texts, tokens)
    return call.respond(choice_events(call, chunks, options))


def _check(body: CompletionRequest) -> None:
    n_answers = len(body.prompts) * max(body.n or 1, body.best_of or 1)
    if n_answers > MAX_TEXTS:
        message = f"{n_answers} completions are asked for, at most {MAX_TEXTS} may be together"
        raise ApiError(400, message, param="prompt")
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "stream_options needs stream=true", param="stream_options")
    if body.stream and body.echo and body.logprobs is not None:
        raise ApiError(400, "echo with logprobs is for answers that are not streamed", param="stream")


def _echoes(call: Call, body: CompletionRequest) -> list[Echo]:
    """The prompts, to be given back."""
    texts = [prompt if isinstance(prompt, str) else call.llm.detokenize(prompt) for prompt in body.prompts]
    return [Echo(text, first_id) for text, first_id in zip(texts, call.first_ids, strict=True)]
