"""Google's Gemini models, with Google's own client."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from google import genai
from google.genai import errors, types
from numpy.typing import NDArray

from llmagentos.completion import Chunk, Completion, FinishReason, ToolCallDelta, Usage
from llmagentos.errors import ProviderError
from llmagentos.providers.answers import completion_of, tool_call
from llmagentos.providers.faults import fault_in
from llmagentos.providers.gemini_requests import config_of, contents_of, http_options, signed_id
from llmagentos.providers.keys import needed_key, without_key
from llmagentos.providers.service import Abilities
from llmagentos.providers.statuses import retry_after_in, status_error
from llmagentos.providers.transport import TRANSPORT_ERRORS, transport_error

if TYPE_CHECKING:
    from llmagentos.providers.remote_call import RemoteCall

GEMINI_URL = "https://generativelanguage.googleapis.com"
GEMINI_KEY = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_SAMPLING = frozenset(
    "temperature top_p top_k max_tokens stop seed n presence_penalty frequency_penalty".split()  # noqa: SIM905
)
_ENDS: dict[str, FinishReason] = {"STOP": "stop", "MAX_TOKENS": "length"}
_FAILURES = frozenset({"OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})


class GeminiService:
    """One Gemini model; see `Service`."""

    title = "Gemini"
    embed_batch = 100

    def __init__(self, model: str) -> None:
        self._model = model
        self._key = needed_key(GEMINI_KEY, f"gemini:{model}")
        self.base_url = os.environ.get("GOOGLE_GEMINI_BASE_URL", "").strip().rstrip("/") or GEMINI_URL
        self.abilities = Abilities(
            sampling=_SAMPLING,
            always_sent=frozenset({"temperature", "top_p"}),  # its own top_p is below 1
            response_formats=frozenset({"json_object", "json_schema"}),
            continues=False,
            one_call_at_a_time=False,
        )
        self.errors: tuple[type[Exception], ...] = (errors.APIError, ValueError, *TRANSPORT_ERRORS)
        self._client = genai.Client(
            api_key=self._key, vertexai=False, http_options=types.HttpOptions(base_url=self.base_url)
        )

    def complete(self, call: RemoteCall, timeout: float) -> list[Completion]:
        reply = self._client.models.generate_content(**self._request(call, timeout))
        usage = _usage(reply)
        if not reply.candidates:
            self._check_blocked(reply)
            return [completion_of("", [], "content_filter", usage, call.asked, self.title)] * call.n
        answers = []
        for candidate in reply.candidates:
            text, pieces = _read(candidate, 0)
            reason = self._reason(candidate.finish_reason)
            calls = [tool_call(piece.id or "", piece.name or "", piece.arguments, self.title) for piece in pieces]
            answers.append(completion_of(text, calls, reason, usage, call.asked, self.title))
        return answers

    def stream(self, call: RemoteCall, timeout: float) -> Generator[Chunk, None, None]:
        replies = self._client.models.generate_content_stream(**self._request(call, timeout))
        first = next(iter(replies), None)  # only now is the request sent
        return self._chunks(replies, [] if first is None else [first])

    def _request(self, call: RemoteCall, timeout: float) -> dict[str, Any]:
        instructions, contents = contents_of(call.messages or (), self._model)
        return {"model": self._model, "contents": contents, "config": config_of(call, instructions, timeout)}

    def _chunks(self, replies: Any, first: Iterable[types.GenerateContentResponse]) -> Generator[Chunk, None, None]:
        n_calls, reason, usage = 0, None, None
        try:
            for reply in chain(first, replies):
                usage = _usage(reply) or usage
                for candidate in (reply.candidates or ())[:1]:
                    text, pieces = _read(candidate, n_calls)
                    n_calls += len(pieces)
                    reason = candidate.finish_reason or reason
                    if text or pieces:
                        yield Chunk(text, None, None, None, None, tuple(pieces))
                if not reply.candidates and reply.prompt_feedback is not None:
                    self._check_blocked(reply)
                    reason = types.FinishReason.SAFETY
        finally:
            replies.close()
        if reason is None:
            raise ProviderError(f"{self.title} broke off its answer before the end", retryable=True)
        why = self._reason(reason)
        yield Chunk("", None, None, "tool_calls" if why == "stop" and n_calls else why, usage)

    def _check_blocked(self, reply: types.GenerateContentResponse) -> None:
        if reply.prompt_feedback is None or reply.prompt_feedback.block_reason is None:
            raise ProviderError(f"{self.title} answered with nothing, and does not say why")

    def _reason(self, reason: types.FinishReason | None) -> FinishReason:
        """Why an answer ended. What is neither an end nor a failure is one of the service's reasons to hold it back."""
        name = "OTHER" if reason is None else reason.value
        if name in _FAILURES:
            raise ProviderError(f"{self.title} could not finish its answer: {name}")
        return _ENDS.get(name, "content_filter")

    def embed(self, texts: Sequence[str], timeout: float) -> tuple[NDArray[np.float32], int]:
        config = types.EmbedContentConfig(http_options=http_options(timeout))
        contents: Any = list(texts)
        reply = self._client.models.embed_content(model=self._model, contents=contents, config=config)
        rows = reply.embeddings or []
        if len(rows) != len(texts) or any(row.values is None for row in rows):
            raise ProviderError(f"{self.title} answered {len(texts)} texts with {len(rows)} embeddings")
        return np.array([row.values for row in rows], np.float32), 0  # it does not say how many tokens they have

    def error_of(self, error: Exception) -> ProviderError:
        if isinstance(error, errors.APIError):
            words = without_key(str(error.message or error.status or ""), self._key)
            return status_error(self.title, error.code or 500, words, _retry_after(error))
        if isinstance(error, TRANSPORT_ERRORS):
            return transport_error(self.title, self.base_url, error)
        return ProviderError(f"{self.title} answered what is not Gemini's protocol: {_fault(error)}")

    def close(self) -> None:
        self._client.close()


def _read(candidate: types.Candidate, n_before: int) -> tuple[str, list[ToolCallDelta]]:
    """Text, without what the model thought, and calls, which come whole."""
    parts = (candidate.content.parts if candidate.content else None) or []
    calls: list[ToolCallDelta] = []
    for part in parts:
        if (function := part.function_call) is not None:
            id = signed_id(function.id or f"call_{uuid.uuid4().hex[:12]}", part.thought_signature)
            arguments = json.dumps(function.args or {}, ensure_ascii=False)
            calls.append(ToolCallDelta(n_before + len(calls), id, function.name or "", arguments))
    return "".join(part.text for part in parts if part.text and not part.thought), calls


def _usage(reply: types.GenerateContentResponse) -> Usage | None:
    counts = reply.usage_metadata
    if counts is None or counts.prompt_token_count is None:
        return None
    generated = (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
    return Usage(counts.prompt_token_count, generated, counts.cached_content_token_count or 0)


def _fault(error: Exception) -> str:
    return fault_in(error) if isinstance(error, ValueError) else type(error).__name__


def _retry_after(error: errors.APIError) -> float | None:
    """Seconds from the header, or from the RetryInfo among the details ("34.07s")."""
    headers = getattr(error.response, "headers", None)
    if headers is not None and (seconds := retry_after_in(headers)) is not None:
        return seconds
    body = error.details.get("error", {}) if isinstance(error.details, dict) else {}
    for detail in body.get("details", ()) if isinstance(body, dict) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return retry_after_in({"retry-after": delay.removesuffix("s")})
    return None
