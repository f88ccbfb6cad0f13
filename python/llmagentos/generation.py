"""Between the public surface and the engine: params to requests, finished requests to completions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from llmagentos.completion import Chunk, Completion, FinishReason, TokenLogprob, Usage
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos._core.tokenize import Tokenizer


def new_requests(prompt_ids: list[int], params: SamplingParams, engine: Engine, tokenizer: Tokenizer) -> list[Request]:
    """One request for each of the prompt's `params.n` completions.

    Raises:
        ContextLengthError: the prompt does not fit.
        InvalidRequestError: it is empty.
    """
    engine.check_fits(len(prompt_ids))
    max_length = engine.context_length
    if params.max_tokens is not None:
        max_length = min(max_length, len(prompt_ids) + params.max_tokens)
    end_ids = frozenset(params.stop_token_ids or ())
    if not params.ignore_eos:
        end_ids |= frozenset(tokenizer.end_ids)
    stop = tuple(params.stop or ())
    return [
        Request(prompt_ids, params, max_length, Detokenizer(tokenizer, stop), end_ids, choice)
        for choice in range(params.n)
    ]


def completion_of(request: Request) -> Completion:
    """What a finished request generated."""
    logprobs = None
    if request.params.logprobs is not None:
        logprobs = [cast(TokenLogprob, delta.logprob) for delta in request.deltas]
    return Completion(
        text="".join(delta.text for delta in request.deltas),
        token_ids=request.token_ids[request.n_prompt :],
        logprobs=logprobs,
        finish_reason=cast(FinishReason, request.finish_reason),
        usage=_usage(request),
    )


def stream_chunks(engine: Engine, request: Request) -> Iterator[Chunk]:
    """The request's tokens as they come; closing the iterator cancels it."""
    deltas = engine.stream(request)
    try:
        for index, delta in enumerate(deltas):
            # Other callers may have driven the request on: only its last token carries the end.
            ended_well = request.finished and request.finish_reason in ("stop", "length")
            is_last = ended_well and index == len(request.deltas) - 1
            reason = cast(FinishReason, request.finish_reason) if is_last else None
            yield Chunk(delta.text, delta.token_id, delta.logprob, reason, _usage(request) if is_last else None)
    finally:
        deltas.close()


def _usage(request: Request) -> Usage:
    return Usage(request.n_prompt, request.n_output)


def check_vocabulary(params: SamplingParams, n_vocab: int) -> None:
    """Check that every token the parameters speak of exists.

    Raises:
        InvalidRequestError: one does not; names the parameter.
    """
    domain = f"this model's vocabulary has {n_vocab} tokens"
    for name, ids in (("stop_token_ids", params.stop_token_ids), ("logit_bias", params.logit_bias)):
        outside = [token for token in ids or () if token >= n_vocab]
        if outside:
            raise InvalidRequestError(f"{name} has token id {outside[0]}, which does not exist: {domain}")
    if params.logprobs is not None and params.logprobs > n_vocab:
        raise InvalidRequestError(f"logprobs={params.logprobs} is not valid: {domain}")
