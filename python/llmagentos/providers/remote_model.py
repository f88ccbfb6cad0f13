"""A model that a service runs: answers the calls of `LLM` by asking the service."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from llmagentos.calls.prompts import (
    check_positive,
    check_text,
    each,
    is_batch,
    is_list_of_prompts,
    is_messages,
    is_token_ids,
)
from llmagentos.completion import Chunk, Completion
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.providers.remote_call import AskedFor, RemoteCall, asked_for, given_sampling, sampling_of
from llmagentos.providers.retrying import call_service, time_over, translated

if TYPE_CHECKING:
    from llmagentos.answering import Options
    from llmagentos.market import RemoteName
    from llmagentos.providers.service import Service
    from llmagentos.sampling_params import SamplingParams

CONCURRENT = 8  # requests that a list's calls make side by side

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class RemoteModelInfo:
    """Which service's model it is.

    Attributes:
        name: as `LLM` is given it: "openai:MODEL", "gemini:MODEL" or "http(s)://HOST/v1#MODEL".
        service: whose it is, for people.
        model: what the service calls it.
        base_url: where the service is.
        context_length, encoder_length: None, since services do not say.
    """

    name: str
    service: str
    model: str
    base_url: str
    context_length: None = None
    encoder_length: None = None


class RemoteModel:
    """Answers with one model of a service; see `Answering`. Safe to use from several threads."""

    def __init__(self, name: RemoteName, service: Service) -> None:
        self._service = service
        self._is_closed = False
        self.info = RemoteModelInfo(str(name), service.title, name.model, service.base_url)

    def generate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        sampling, asked = self._prepared(params, options, has_messages=False)
        if isinstance(prompts, str) or is_token_ids(prompts):
            return self._answer(self._continuing(prompts, sampling, asked))
        if not isinstance(prompts, Sequence):
            raise InvalidRequestError(f"a prompt must be a string or a list of strings, not {type(prompts).__name__}")
        calls = each(prompts, "prompt", partial(self._continuing, sampling=sampling, asked=asked))
        return self._side_by_side(calls, self._answer)

    def chat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        sampling, asked = self._prepared(params, options, has_messages=True)
        if not is_batch(messages):
            return self._answer(_talking(messages, sampling, asked))
        calls = each(messages, "conversation", partial(_talking, sampling=sampling, asked=asked))
        return self._side_by_side(calls, self._answer)

    def generate_text(self, text: str, max_length: int | None) -> str:
        """The answer to a text, sampled as the service likes."""
        check_positive("max_length", max_length)
        check_text(text)
        self._check_open()
        sampling = {} if max_length is None else {"max_tokens": max_length}
        answer: Completion = self._answer(_talking([{"role": "user", "content": text}], sampling, AskedFor()))
        return answer.text

    def stream(self, prompt: Any, params: SamplingParams | None, options: Options) -> Generator[Chunk, None, None]:
        sampling, asked = self._prepared(params, options, has_messages=is_messages(prompt))
        if is_list_of_prompts(prompt):
            raise InvalidRequestError(
                "stream takes one prompt or one conversation, not a list of them; generate and chat take lists"
            )
        make = _talking if is_messages(prompt) else self._continuing
        return self.stream_call(make(prompt, sampling, asked))

    def prepare(self, prompts: Any, given: Mapping[str, Any], options: Options) -> list[RemoteCall]:
        """The checked requests of a call that has not begun, one for each prompt. For servers, which pass calls on.

        Args:
            prompts: messages of `chat`, or what `generate` takes.
            given: fields of `SamplingParams`; the service chooses what is left out.

        Raises:
            As `chat` and `generate`, before anything is sent.
        """
        has_messages = is_messages(prompts)
        self._check_can(has_messages)
        sampling = given_sampling(given, self._service.abilities, self._service.title)
        asked = asked_for(options, has_messages, self._service.abilities, self._service.title)
        if has_messages:
            return [_talking(prompts, sampling, asked)]
        return each(prompts, "prompt", partial(self._continuing, sampling=sampling, asked=asked))

    def complete_calls(self, calls: Sequence[RemoteCall]) -> list[list[Completion]]:
        """The n completions of each prepared call."""
        return self._side_by_side(calls, self._answers)

    def stream_call(self, call: RemoteCall) -> Generator[Chunk, None, None]:
        """The chunks of a prepared call, which begins when they are first iterated.

        Raises:
            InvalidRequestError: n is not 1.
        """
        if call.n != 1:
            raise InvalidRequestError(f"n={call.n} is not valid for a stream: it must be 1")
        return self._streamed(call)

    async def agenerate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        from llmagentos.own_thread import in_own_thread

        return await in_own_thread(partial(self.generate, prompts, params, options))

    async def achat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        from llmagentos.own_thread import in_own_thread

        return await in_own_thread(partial(self.chat, messages, params, options))

    def astream(self, prompt: Any, params: SamplingParams | None, options: Options) -> AsyncIterator[Chunk]:
        from llmagentos.providers.service_stream import stream_in_thread

        return stream_in_thread(self.stream(prompt, params, options))

    def embed(
        self, texts: Any, prompt_name: str | None, normalize: bool | None, truncate: bool
    ) -> tuple[NDArray[np.float32], int]:
        """See `LLM.embed`; and the tokens of the texts as the service counts them, 0 where it does not.
        `normalize=None` leaves vectors as the service makes them."""
        self._check_open()
        for argument, value in (("prompt_name", prompt_name), ("truncate", truncate)):
            if value:
                raise InvalidRequestError(
                    f"{argument}={value!r} is not possible: {self._service.title} has no such option"
                )
        given = [texts] if isinstance(texts, str) or is_token_ids(texts) else texts
        if not isinstance(given, Sequence):
            raise InvalidRequestError(f"texts must be a string or a list of strings, not {type(texts).__name__}")
        each(given, "text", self._check_is_text)
        size = self._service.embed_batch
        batches = [list(given[i : i + size]) for i in range(0, len(given), size)]
        parts = self._side_by_side(batches, self._embed_batch)
        vectors = np.concatenate([rows for rows, _ in parts]) if parts else np.zeros((0, 0), np.float32)
        if normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return vectors, sum(n_tokens for _, n_tokens in parts)

    def close(self) -> None:
        self._is_closed = True
        self._service.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise LLMAgentOSError("this model is closed")

    def _prepared(
        self, params: SamplingParams | None, options: Options, has_messages: bool
    ) -> tuple[dict[str, Any], AskedFor]:
        self._check_can(has_messages)
        service = self._service
        sampling = sampling_of(params, service.abilities, service.title)
        return sampling, asked_for(options, has_messages, service.abilities, service.title)

    def _check_can(self, has_messages: bool) -> None:
        self._check_open()
        if not has_messages and not self._service.abilities.continues:
            raise InvalidRequestError(
                f"{self._service.title} continues no texts, it answers: use chat() or generate_text(), or give messages"
            )

    def _continuing(self, prompt: Any, sampling: dict[str, Any], asked: AskedFor) -> RemoteCall:
        self._check_is_text(prompt)
        return RemoteCall(None, prompt, sampling, asked)

    def _check_is_text(self, text: Any) -> None:
        if is_token_ids(text):
            raise InvalidRequestError(f"token ids are not possible: {self._service.title} takes texts")
        check_text(text)

    def _answer(self, call: RemoteCall) -> Any:
        """One completion, or a list where n > 1."""
        answers = self._answers(call)
        return answers[0] if call.n == 1 else answers

    def _answers(self, call: RemoteCall) -> list[Completion]:
        return call_service(self._service, partial(self._service.complete, call), call.asked.deadline)

    def _embed_batch(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        return call_service(self._service, partial(self._service.embed, texts), None)

    def _streamed(self, call: RemoteCall) -> Generator[Chunk, None, None]:
        service, deadline = self._service, call.asked.deadline
        chunks = call_service(service, partial(service.stream, call), deadline)
        with closing(chunks):
            while True:
                with translated(service):
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk
                if deadline is not None and time.monotonic() > deadline and chunk.finish_reason is None:
                    raise time_over(service)

    def _side_by_side(self, items: Sequence[_T], act: Callable[[_T], _R]) -> list[_R]:
        """act on each; the first error ends what has not begun."""
        if len(items) < 2:
            return [act(item) for item in items]
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(min(CONCURRENT, len(items)), thread_name_prefix="llmagentos-remote")
        try:
            return list(pool.map(act, items))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _talking(messages: Any, sampling: dict[str, Any], asked: AskedFor) -> RemoteCall:
    from llmagentos.chat.messages import checked_messages

    return RemoteCall(checked_messages(messages), None, sampling, asked)
