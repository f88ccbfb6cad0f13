"""OpenAI's models, and those of other servers that speak its protocol, with OpenAI's own client."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import openai
from numpy.typing import NDArray
from openai import Omit

from llmagentos.completion import Chunk, Completion, FinishReason, Usage
from llmagentos.errors import ProviderError
from llmagentos.providers.answers import StreamedCalls, completion_of, whole_calls
from llmagentos.providers.faults import fault_in
from llmagentos.providers.keys import key_from, needed_key, without_key
from llmagentos.providers.openai_replies import (
    ChatReply,
    ChunkReply,
    EmbeddingsReply,
    MessageReply,
    TextReply,
    reason_of,
)
from llmagentos.providers.openai_requests import body_of
from llmagentos.providers.service import Abilities
from llmagentos.providers.statuses import retry_after_in, status_error
from llmagentos.providers.transport import CONNECT_TIMEOUT, TRANSPORT_ERRORS, transport_error

if TYPE_CHECKING:
    from llmagentos.market import RemoteName
    from llmagentos.providers.remote_call import RemoteCall

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = ("OPENAI_API_KEY",)
# Not OpenAI's key: that one goes to OpenAI, or where OPENAI_BASE_URL says, and to no other host.
OTHER_KEY = ("LLMAGENTOS_API_KEY",)
_SAMPLING = frozenset(
    "temperature top_p max_tokens stop seed n presence_penalty frequency_penalty logit_bias".split()  # noqa: SIM905
)


class OpenAIService:
    """One model of OpenAI or of a server with its protocol; see `Service`."""

    embed_batch = 256

    def __init__(self, name: RemoteName) -> None:
        own_url = os.environ.get("OPENAI_BASE_URL", "").strip().rstrip("/") or OPENAI_URL
        self.base_url = name.base_url or own_url
        self._is_openai = name.base_url is None
        self.title = "OpenAI" if self._is_openai else urlsplit(self.base_url).netloc
        self._model = name.model
        is_own = self._is_openai or urlsplit(self.base_url)[:2] == urlsplit(own_url)[:2]
        self._key_variables = OPENAI_KEY if is_own else OTHER_KEY
        self._key = needed_key(OPENAI_KEY, str(name)) if self._is_openai else key_from(self._key_variables)
        self.abilities = Abilities(
            sampling=_SAMPLING,
            # OpenAI's defaults are those of SamplingParams, and its reasoning models refuse to hear them.
            always_sent=frozenset() if self._is_openai else frozenset({"temperature", "top_p"}),
            response_formats=frozenset({"json_object", "json_schema"}),
            continues=True,
            one_call_at_a_time=True,
        )
        self.errors: tuple[type[Exception], ...] = (openai.OpenAIError, ValueError, *TRANSPORT_ERRORS)
        # What the client would send of its own accord, and what is not for this server.
        withheld = [] if self._key else ["Authorization"]
        withheld += [] if is_own else ["OpenAI-Organization", "OpenAI-Project"]
        self._headers = {name: Omit() for name in withheld}
        self._client = openai.OpenAI(api_key=self._key or "none", base_url=self.base_url, max_retries=0)

    def complete(self, call: RemoteCall, timeout: float) -> list[Completion]:
        body = body_of(call, self._model, self._is_openai) | self._sending(timeout)
        if call.messages is None:
            text = TextReply.model_validate(self._client.completions.create(**body))
            usage = text.usage.read() if text.usage else None
            return [self._completion(call, one.text, [], one.finish_reason, usage) for one in text.choices]
        chat = ChatReply.model_validate(self._client.chat.completions.create(**body))
        usage = chat.usage.read() if chat.usage else None
        answers = []
        for choice in chat.choices:
            said = choice.message
            reason = "content_filter" if said.refusal else choice.finish_reason
            calls = [(c.id or "", c.function.name or "", c.function.arguments or "") for c in said.tool_calls or ()]
            answers.append(self._completion(call, said.refusal or said.content or "", calls, reason, usage))
        return answers

    def _completion(
        self, call: RemoteCall, text: str, calls: Sequence[tuple[str, str, str]], reason: str, usage: Usage | None
    ) -> Completion:
        why = reason_of(reason, self.title)
        return completion_of(text, whole_calls(calls, why, self.title), why, usage, call.asked, self.title)

    def stream(self, call: RemoteCall, timeout: float) -> Generator[Chunk, None, None]:
        body = body_of(call, self._model, self._is_openai) | self._sending(timeout)
        sent: dict[str, Any] = {**body, "stream": True, "stream_options": {"include_usage": True}}
        create: Any = self._client.completions.create if call.messages is None else self._client.chat.completions.create
        return self._chunks(create(**sent))

    def _chunks(self, replies: Any) -> Generator[Chunk, None, None]:
        calls, reason, usage = StreamedCalls(self.title), None, None
        with replies:
            for raw in replies:
                reply = ChunkReply.model_validate(raw)
                choice, said = reply.choice, reply.choice.delta or MessageReply()
                usage = reply.usage.read() if reply.usage else usage
                reason = choice.finish_reason or reason
                reason = "content_filter" if said.refusal else reason
                pieces = tuple(
                    calls.push(piece.index, piece.id, piece.function.name, piece.function.arguments or "")
                    for piece in said.tool_calls or ()
                )
                text = said.refusal or said.content or choice.text or ""
                if text or pieces:
                    yield Chunk(text, None, None, None, None, pieces)
        if reason is None:
            raise ProviderError(f"{self.title} broke off its answer before the end", retryable=True)
        why: FinishReason = reason_of(reason, self.title)
        rest = calls.finish(why)
        yield Chunk("", None, None, "tool_calls" if why == "stop" and calls.any else why, usage, rest)

    def embed(self, texts: Sequence[str], timeout: float) -> tuple[NDArray[np.float32], int]:
        reply = self._client.embeddings.create(
            model=self._model, input=list(texts), encoding_format="float", **self._sending(timeout)
        )
        read = EmbeddingsReply.model_validate(reply)
        rows = sorted(read.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(texts))):
            raise ProviderError(f"{self.title} answered {len(texts)} texts with {len(rows)} embeddings")
        vectors = np.array([row.embedding for row in rows], np.float32)
        return vectors, read.usage.prompt_tokens if read.usage else 0

    def _sending(self, timeout: float) -> dict[str, Any]:
        """How a request is sent."""
        limits = openai.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
        return {"timeout": limits, "extra_headers": self._headers}

    def error_of(self, error: Exception) -> ProviderError:
        if isinstance(error, openai.APIStatusError):
            response, hint = error.response, ""
            if error.status_code in (401, 403) and self._key is None:
                hint = f"; it asks for a key, which is read from {' or '.join(self._key_variables)}"
            return status_error(
                self.title,
                error.status_code,
                without_key(error.message, self._key) + hint,
                retry_after_in(response.headers),
                is_final=error.code == "insufficient_quota",
            )
        if isinstance(error, (openai.APIConnectionError, *TRANSPORT_ERRORS)):
            return transport_error(self.title, self.base_url, error.__cause__ or error)
        if isinstance(error, ValueError):
            return ProviderError(f"{self.title} answered what is not OpenAI's protocol: {fault_in(error)}")
        return ProviderError(f"{self.title}: {without_key(str(error), self._key)}")

    def close(self) -> None:
        self._client.close()
