"""Between the public surface and the engine: prompts and params to requests, finished requests to completions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from llmagentos.completion import Chunk, Completion, FinishReason, TokenLogprob, Usage
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Delta, Request, Service
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.prompts import check_seconds
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos._core.tokenize import Tokenizer


class RequestOptions(TypedDict, total=False):
    """What calls take besides prompt and params.

    Attributes:
        priority: an integer; requests of a lower one go first, and may take the place of running ones. 0 by default.
        timeout: seconds from the call; what is then unfinished ends with finish_reason "timeout" and the text so far.
        cache_salt: the call shares cached prompts only with calls of the same salt.
    """

    priority: int
    timeout: float | None
    cache_salt: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """Requests for one call: those of each prompt, and how many of them are its answer."""

    groups: list[list[Request]]
    n: int

    @property
    def requests(self) -> list[Request]:
        return [request for group in self.groups for request in group]

    def results(self) -> list[Any]:
        """A completion for each prompt, or a list of n where n > 1."""
        results = [[completion_of(request) for request in _best(group, self.n)] for group in self.groups]
        return [group[0] for group in results] if self.n == 1 else results


def service_of(options: RequestOptions) -> Service:
    """Check a call's options.

    Raises:
        InvalidRequestError: an unknown option, or one outside its domain; names it.
    """
    unknown = [name for name in options if name not in RequestOptions.__annotations__]
    if unknown:
        known = ", ".join(RequestOptions.__annotations__)
        raise InvalidRequestError(f"there is no option {unknown[0]!r}; these are: {known}")
    priority, timeout, salt = options.get("priority", 0), options.get("timeout"), options.get("cache_salt")
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise InvalidRequestError(f"priority={shown(priority)} is not valid: it must be an integer")
    check_seconds("timeout", timeout)
    if salt is not None and not isinstance(salt, str):
        raise InvalidRequestError(f"cache_salt={shown(salt)} is not valid: it must be None or a string")
    deadline = None if timeout is None else time.monotonic() + timeout
    return Service(priority, deadline, (salt or "").encode("utf-8", "surrogatepass"))


def new_requests(
    prompt_ids: list[int], params: SamplingParams, service: Service, engine: Engine, tokenizer: Tokenizer
) -> list[Request]:
    """One request for each of the prompt's completions; all but the first begin from it.

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
    requests = [
        Request(
            prompt_ids,
            params,
            max_length,
            Detokenizer(tokenizer, stop),
            end_ids,
            choice=choice,
            prompt_logprobs=params.prompt_logprobs,
            service=service,
        )
        for choice in range(params.best_of or params.n)
    ]
    requests[0].followers = requests[1:]
    return requests


def completion_of(request: Request) -> Completion:
    """What a finished request generated."""
    params = request.params
    logprobs, prompt_logprobs = None, None
    if params.logprobs is not None:
        logprobs = [cast(TokenLogprob, delta.logprob) for delta in request.deltas]
    if params.prompt_logprobs is not None:
        prompt_logprobs = [None, *request.prompt_scores]
    return Completion(
        text="".join(delta.text for delta in request.deltas) + request.tail,
        token_ids=request.token_ids[request.n_prompt :],
        logprobs=logprobs,
        finish_reason=cast(FinishReason, request.finish_reason),
        usage=_usage(request),
        prompt_logprobs=prompt_logprobs,
    )


def stream_chunks(engine: Engine, request: Request) -> Iterator[Chunk]:
    """The request's tokens as they come; closing the iterator cancels it."""
    deltas = engine.stream(request)
    try:
        for index, delta in enumerate(deltas):
            yield _chunk(request, index, delta)
        if request.finish_reason == "timeout":
            yield _timeout_chunk(request)
    finally:
        deltas.close()


async def run_async(engine: Engine, requests: Sequence[Request]) -> None:
    """Run requests to their ends without blocking the event loop; cancelling the task cancels them."""
    changed = _listen(requests)
    try:
        engine.start(requests)
        while not all(request.finished for request in requests):
            await changed.wait()
            changed.clear()
    except BaseException:
        engine.cancel(requests)
        raise
    for request in requests:
        if request.error is not None:
            raise request.error


async def stream_chunks_async(engine: Engine, request: Request) -> AsyncIterator[Chunk]:
    """The request's tokens as they come; closing the iterator, or cancelling its task, cancels it."""
    changed = _listen([request])
    n_taken = 0
    try:
        engine.start([request])
        while True:
            for delta in request.deltas[n_taken:]:
                yield _chunk(request, n_taken, delta)
                n_taken += 1
            if request.finished and n_taken == len(request.deltas):
                break
            await changed.wait()
            changed.clear()
        if request.error is not None:
            raise request.error
        if request.finish_reason == "timeout":
            yield _timeout_chunk(request)
    finally:
        engine.cancel([request])


def _listen(requests: Sequence[Request]) -> asyncio.Event:
    """An event that is set whenever one of the requests has changed, from whatever thread."""
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    for request in requests:
        request.listener = tell
    return changed


def _chunk(request: Request, index: int, delta: Delta) -> Chunk:
    # Other callers may have driven the request on: only its last token carries the end.
    if request.finish_reason in ("stop", "length") and index == len(request.deltas) - 1:
        reason = cast(FinishReason, request.finish_reason)
        return Chunk(delta.text, delta.token_id, delta.logprob, reason, _usage(request))
    return Chunk(delta.text, delta.token_id, delta.logprob, None, None)


def _timeout_chunk(request: Request) -> Chunk:
    return Chunk(request.tail, None, None, "timeout", _usage(request))


def _usage(request: Request) -> Usage:
    return Usage(request.n_prompt, request.n_output, request.n_cached)


def _best(requests: list[Request], n: int) -> list[Request]:
    """The n whose tokens were likeliest on average, best first; all in their order where there are no more."""
    if len(requests) == n:
        return requests
    return sorted(requests, key=_mean_logprob, reverse=True)[:n]


def _mean_logprob(request: Request) -> float:
    values = [cast(TokenLogprob, delta.logprob).logprob for delta in request.deltas]
    return sum(values) / max(1, len(values))


def check_vocabulary(params: SamplingParams, n_vocab: int) -> None:
    """Check that every token the parameters speak of exists.

    Raises:
        InvalidRequestError: one does not; names the parameter.
    """
    domain = f"this model's vocabulary has {n_vocab} tokens"
    ids_of: Mapping[str, Any] = {"stop_token_ids": params.stop_token_ids, "logit_bias": params.logit_bias}
    for name, ids in ids_of.items():
        outside = [token for token in ids or () if token >= n_vocab]
        if outside:
            raise InvalidRequestError(f"{name} has token id {outside[0]}, which does not exist: {domain}")
    for name, count in (("logprobs", params.logprobs), ("prompt_logprobs", params.prompt_logprobs)):
        if count is not None and count > n_vocab:
            raise InvalidRequestError(f"{name}={count} is not valid: {domain}")
