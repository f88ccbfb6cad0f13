"""A transport for OpenAI's client that hands its requests to a model in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from llmagentos.agents.adapters.chat_request import ChatRequest, ChunkBodies, chat_request_of, completion_body
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.llm import LLM

try:
    import httpx2 as httpx
except ImportError:  # OpenAI's client before version 3
    import httpx  # type: ignore[no-redef]

__all__ = ["EngineTransport", "httpx"]

_DONE = b"data: [DONE]\n\n"


class EngineTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers `POST .../chat/completions`. Closing a stream cancels its request."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self._name = str(llm.info.name)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For the client that waits."""
        try:
            asked = self._asked(request.url.path, request.read())
            if not asked.streams:
                return self._whole(self._llm.chat(asked.messages, asked.params, **asked.options))
            chunks = self._llm.stream(asked.messages, asked.params, **asked.options)
            return _streamed(_Events(self._events(chunks, asked)))
        except LLMAgentOSError as error:
            return _failed(error)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For the client that awaits."""
        try:
            asked = self._asked(request.url.path, await request.aread())
            if not asked.streams:
                return self._whole(await self._llm.achat(asked.messages, asked.params, **asked.options))
            chunks = self._llm.astream(asked.messages, asked.params, **asked.options)
            return _streamed(_AsyncEvents(self._async_events(chunks, asked)))
        except LLMAgentOSError as error:
            return _failed(error)

    def _asked(self, path: str, body: bytes) -> ChatRequest:
        if not path.endswith("/chat/completions"):
            raise InvalidRequestError(f"{path} is not answered here: chat completions are")
        return chat_request_of(json.loads(body), self._llm.default_params)

    def _whole(self, completions: Any) -> httpx.Response:
        given = completions if isinstance(completions, list) else [completions]
        return httpx.Response(200, json=completion_body(given, self._name))

    def _events(self, chunks: Any, asked: ChatRequest) -> Generator[bytes, None, None]:
        bodies = ChunkBodies(self._name, asked.with_usage)
        with closing(chunks):
            for chunk in chunks:
                yield b"".join(map(_event, bodies.of(chunk)))
        yield _DONE

    async def _async_events(self, chunks: Any, asked: ChatRequest) -> AsyncGenerator[bytes, None]:
        bodies = ChunkBodies(self._name, asked.with_usage)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield b"".join(map(_event, bodies.of(chunk)))
        yield _DONE


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


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _failed(error: LLMAgentOSError) -> httpx.Response:
    is_theirs = isinstance(error, InvalidRequestError)
    kind = "invalid_request_error" if is_theirs else "server_error"
    body = {"error": {"message": str(error), "type": kind, "param": None, "code": None}}
    # Nothing is retried: what fails here fails again.
    return httpx.Response(400 if is_theirs else 500, json=body, headers={"x-should-retry": "false"})
