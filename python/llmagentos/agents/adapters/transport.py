"""A transport for OpenAI's client that hands its requests to a model in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from llmagentos.completion import Chunk, Completion, Usage
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.llm import LLM
from llmagentos.openai_protocol.answer import ChatChunks, chat_completion
from llmagentos.openai_protocol.events import DONE
from llmagentos.openai_protocol.request import ChatRequest, read_request
from llmagentos.openai_protocol.token_texts import TokenTexts

try:
    import httpx2 as httpx
except ImportError:  # OpenAI's client before version 3
    import httpx  # type: ignore[no-redef]

__all__ = ["EngineTransport", "httpx"]


class EngineTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers `POST .../chat/completions`. Closing a stream cancels its request."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self._name = str(llm.info.name)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For the client that waits."""
        try:
            body = self._read(request.url.path, request.read())
            messages, params, form = body.arguments(self._llm.default_params)
            if not body.stream:
                return self._whole(body, self._llm.chat(messages, params, **form))
            return _streamed(_Events(self._events(body, self._llm.stream(messages, params, **form))))
        except LLMAgentOSError as error:
            return _failed(error)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For the client that awaits."""
        try:
            body = self._read(request.url.path, await request.aread())
            messages, params, form = body.arguments(self._llm.default_params)
            if not body.stream:
                return self._whole(body, await self._llm.achat(messages, params, **form))
            return _streamed(_AsyncEvents(self._async_events(body, self._llm.astream(messages, params, **form))))
        except LLMAgentOSError as error:
            return _failed(error)

    def _read(self, path: str, body: bytes) -> ChatRequest:
        if not path.endswith("/chat/completions"):
            raise InvalidRequestError(f"{path} is not answered here: chat completions are")
        read = read_request(json.loads(body))
        if read.stream_options is not None and read.stream_options.continuous_usage_stats:
            raise InvalidRequestError("continuous_usage_stats=True is not supported here: a server tells them")
        return read

    def _tokens(self, body: ChatRequest) -> TokenTexts | None:
        return TokenTexts(self._llm.token_bytes) if body.logprobs else None

    def _whole(self, body: ChatRequest, answer: Completion | list[Completion]) -> httpx.Response:
        completions = answer if isinstance(answer, list) else [answer]
        prompt = completions[0].usage
        n_generated = sum(one.usage.completion_tokens for one in completions)
        usage = Usage(prompt.prompt_tokens, n_generated, prompt.cached_tokens)
        return httpx.Response(200, json=chat_completion(self._name, completions, usage, self._tokens(body)))

    def _events(self, body: ChatRequest, chunks: Any) -> Generator[bytes, None, None]:
        writer = _Writer(self._name, body, self._tokens(body))
        with closing(chunks):
            for chunk in chunks:
                yield writer.events(chunk)
        yield DONE

    async def _async_events(self, body: ChatRequest, chunks: Any) -> AsyncGenerator[bytes, None]:
        writer = _Writer(self._name, body, self._tokens(body))
        async with aclosing(chunks):
            async for chunk in chunks:
                yield writer.events(chunk)
        yield DONE


class _Writer:
    """Writes the events of one answer; its last chunk brings the token counts."""

    def __init__(self, model: str, body: ChatRequest, tokens: TokenTexts | None) -> None:
        self._with_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
        self._chunks = ChatChunks(model, self._with_usage, tokens)

    def events(self, chunk: Chunk) -> bytes:
        written = self._chunks.events([(0, chunk)])
        if chunk.usage is not None and self._with_usage:
            written += self._chunks.usage(chunk.usage)
        return written


class _Events(httpx.SyncByteStream):
    def __init__(self, events: Generator[bytes, None, None]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        self._events.close()


class _AsyncEvents(httpx.AsyncByteStream):
    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._events

    async def aclose(self) -> None:
        await self._events.aclose()


def _streamed(stream: Any) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


def _failed(error: LLMAgentOSError) -> httpx.Response:
    is_theirs = isinstance(error, InvalidRequestError)
    kind = "invalid_request_error" if is_theirs else "server_error"
    body = {"error": {"message": str(error), "type": kind, "param": None, "code": None}}
    # Nothing is retried: what fails here fails again.
    return httpx.Response(400 if is_theirs else 500, json=body, headers={"x-should-retry": "false"})
