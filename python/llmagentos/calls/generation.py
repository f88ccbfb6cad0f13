"""Between the public surface and the engine: prompts and params to requests, finished requests to completions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from llmagentos.calls.adapters import Adapters
from llmagentos.calls.answers import AnswerForm, AnswerReader
from llmagentos.calls.prompts import check_seconds
from llmagentos.completion import Chunk, Completion, FinishReason, TokenLogprob, Usage
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Delta, Request, Service
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.chat.tool_calls.tools import ToolChoice
    from llmagentos.formats.checkpoint import DecodingTokens
    from llmagentos.formats.tokenizer import Tokenizer
    from llmagentos.structured.response_format import ResponseFormatArgument


class RequestOptions(TypedDict, total=False):
    """What calls take besides prompt and params.

    Attributes:
        priority: an integer; requests of a lower one go first, and may take the place of running ones. 0 by default.
        timeout: seconds from the call; what is then unfinished ends with finish_reason "timeout" and the text so far.
        cache_salt: the call shares cached prompts only with calls of the same salt.
        adapter: the name of the loaded adapter that computes the call; None for the model alone.
        response_format: what answers must look like: a pydantic model, or a dict: {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"schema": ...}} as OpenAI's, {"type": "regex", "regex": ...},
            {"type": "grammar", "grammar": ...} in llguidance's Lark, {"type": "choice", "choices": [...]}, or
            {"type": "text"}.
        forced_bos_token_id: the first token of an encoder-decoder model's answer, such as the target language of a
            translation; by default what the model's own settings say.
    """

    priority: int
    timeout: float | None
    cache_salt: str | None
    adapter: str | None
    response_format: ResponseFormatArgument
    forced_bos_token_id: int | None


class ChatOptions(RequestOptions, total=False):
    """What calls with messages take besides.

    Attributes:
        tools: what the model may call, as OpenAI's clients write it: {"type": "function", "function": {"name",
            "description", "parameters"}}, the parameters a JSON schema.
        tool_choice: "auto" (text or calls; the default), "required" (calls), "none" (text), or the name of the one tool
            to call, as it is or as {"type": "function", "function": {"name": ...}}.
        parallel_tool_calls: whether an answer may call several times. True by default.
    """

    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: ToolChoice | None
    parallel_tool_calls: bool


@dataclass(frozen=True, slots=True)
class Work:
    """Requests for one call: those of each prompt, how many of them are its answer, and what answers look like."""

    groups: list[list[Request]]
    n: int
    form: AnswerForm

    @property
    def requests(self) -> list[Request]:
        return [request for group in self.groups for request in group]

    def results(self) -> list[Any]:
        """A completion for each prompt, or a list of n where n > 1.

        A beam search that finds fewer than n texts, since no more are allowed, has a list of fewer.
        """
        results = self._by_prompt()
        return [group[0] for group in results] if self.n == 1 else results

    def completions(self) -> list[Completion]:
        """All completions, those of a prompt together."""
        return [completion for group in self._by_prompt() for completion in group]

    def _by_prompt(self) -> list[list[Completion]]:
        found = [[r for r in _best(group, self.n) if r.finish_reason != "cancelled"] for group in self.groups]
        return [[completion_of(request, self.form) for request in group] for group in found]


def check_options(options: Mapping[str, Any], has_messages: bool) -> None:
    """Check the names of a call's options.

    Raises:
        InvalidRequestError: one that there is not; names it.
    """
    known = (ChatOptions if has_messages else RequestOptions).__optional_keys__
    unknown = [name for name in options if name not in known]
    if unknown and unknown[0] in ChatOptions.__optional_keys__:
        raise InvalidRequestError(f"{unknown[0]} needs messages: a prompt that is continued has no tools")
    if unknown and unknown[0] in SamplingParams.__dataclass_fields__:
        raise InvalidRequestError(f"{unknown[0]} is no option: give it as SamplingParams({unknown[0]}=...)")
    if unknown:
        raise InvalidRequestError(f"there is no option {unknown[0]!r}; these are: {', '.join(sorted(known))}")


def service_of(options: RequestOptions, adapters: Adapters) -> Service:
    """What a call's options ask of the engine.

    Raises:
        InvalidRequestError: an option outside its domain; names it.
    """
    priority, timeout, salt = options.get("priority", 0), options.get("timeout"), options.get("cache_salt")
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise InvalidRequestError(f"priority={shown(priority)} is not valid: it must be an integer")
    check_seconds("timeout", timeout)
    if salt is not None and not isinstance(salt, str):
        raise InvalidRequestError(f"cache_salt={shown(salt)} is not valid: it must be None or a string")
    deadline = None if timeout is None else time.monotonic() + float(timeout)
    adapter = adapters.number_of(options.get("adapter"))
    return Service(priority, deadline, (salt or "").encode("utf-8", "surrogatepass"), adapter)


def new_requests(
    prompt_ids: list[int],
    params: SamplingParams,
    service: Service,
    form: AnswerForm,
    engine: Engine,
    tokenizer: Tokenizer,
    decoding: DecodingTokens | None = None,
) -> list[Request]:
    """One request for each of the prompt's completions; all but the first begin from it, or are beams beside it.

    Args:
        decoding: of an encoder-decoder model, whose encoder reads the prompt; None for others.

    Raises:
        ContextLengthError: the prompt does not fit.
        InvalidRequestError: it is empty.
    """
    encoder, forced_first, forced_last = None, None, None
    if decoding is not None:
        engine.check_input_fits(len(prompt_ids))
        encoder, prompt_ids = EncoderInput(prompt_ids, service.adapter), [decoding.start]
        forced_first = decoding.forced_first
        # A text that may go on past its end, or has a form of its own, is not ended by force.
        forced_last = None if params.ignore_eos or form.constraint is not None else decoding.forced_last
    engine.check_fits(len(prompt_ids), n_new=0 if params.max_tokens == 0 else 1)
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
            Detokenizer(tokenizer, stop, form.visible_ids),
            end_ids,
            choice=choice,
            prompt_logprobs=params.prompt_logprobs,
            constraint=None if form.constraint is None else form.constraint.copy(end_ids),
            service=service,
            encoder=encoder,
            forced_first=forced_first,
            forced_last=forced_last,
        )
        for choice in range(max(params.best_of or params.n, params.num_beams))
    ]
    if params.num_beams > 1:
        BeamGroup(requests)
        return requests[: params.n]
    requests[0].followers = requests[1:]
    if max_length == 1:  # nothing precedes the only token there is, and none is to follow it
        requests[0].finish("length")
    return requests


def completion_of(request: Request, form: AnswerForm) -> Completion:
    """What a finished request generated."""
    params = request.params
    logprobs, prompt_logprobs = None, None
    if params.logprobs is not None:
        logprobs = [cast(TokenLogprob, delta.logprob) for delta in request.deltas]
    if params.prompt_logprobs is not None:
        prompt_logprobs = [None, *request.prompt_scores]
    reader = form.reader(request)
    text = reader.push("".join(delta.text for delta in request.deltas) + request.tail).content
    text += reader.finish(is_cut=request.finish_reason != "stop").content
    return Completion(
        text=text,
        token_ids=request.token_ids[request.n_prompt :],
        logprobs=logprobs,
        finish_reason=_reason(request, reader),
        usage=_usage(request),
        prompt_logprobs=prompt_logprobs,
        parsed=None if reader.calls else form.parsed(request, text),
        tool_calls=reader.calls,
        sequence_score=request.sequence_score,
    )


def stream_chunks(engine: Engine, request: Request, form: AnswerForm) -> Iterator[Chunk]:
    """The request's tokens as they come; closing the iterator cancels it."""
    deltas, reader = engine.stream(request), RequestReader(request, form)
    try:
        for _ in deltas:
            yield from reader.take()
        yield from reader.take()
    finally:
        deltas.close()


class RequestReader:
    """Takes one request's tokens as chunks, while whatever thread runs the steps goes on with it.

    Attributes:
        request: whose tokens.
        ended: whether everything has been taken.
    """

    def __init__(self, request: Request, form: AnswerForm) -> None:
        self.request = request
        self.ended = False
        self._reader = form.reader(request)
        self._n_taken = 0

    def take(self) -> list[Chunk]:
        """What has come since the last time; the end is a chunk of its own where its token was taken before."""
        request = self.request
        if self.ended:
            return []
        self.ended = request.finished  # read before the tokens: a request that is finished has all of them
        deltas = request.deltas[self._n_taken :]
        self._n_taken += len(deltas)
        reason = request.finish_reason if self.ended else None
        last = deltas.pop() if deltas and reason in ("stop", "length") else None
        chunks = [self._chunk(delta) for delta in deltas]
        if reason in ("stop", "length", "timeout"):
            chunks.append(_last_chunk(request, self._reader, request.tail if last is None else last.text, last))
        return chunks

    def _chunk(self, delta: Delta) -> Chunk:
        read = self._reader.push(delta.text)
        return Chunk(read.content, delta.token_id, delta.logprob, None, None, read.deltas)


def _last_chunk(request: Request, reader: AnswerReader, text: str, delta: Delta | None) -> Chunk:
    """The end of a stream, with its last token or, where time was over, with what was held back."""
    read, rest = reader.push(text), reader.finish(is_cut=request.finish_reason != "stop")
    token_id, logprob = (None, None) if delta is None else (delta.token_id, delta.logprob)
    content, pieces = read.content + rest.content, read.deltas + rest.deltas
    return Chunk(content, token_id, logprob, _reason(request, reader), _usage(request), pieces)


def _reason(request: Request, reader: AnswerReader) -> FinishReason:
    reason = cast(FinishReason, request.finish_reason)
    return "tool_calls" if reason == "stop" and reader.calls else reason


def _usage(request: Request) -> Usage:
    return Usage(request.n_input, request.n_output, request.n_cached)


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
