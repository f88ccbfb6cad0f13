"""The public LLM class: text in, text out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from llmagentos.answers import AnswerForm, AnswerForms
from llmagentos.completion import Chunk, Completion
from llmagentos.engine.request import Request
from llmagentos.engine.statistics import EngineStats, Event
from llmagentos.errors import InvalidRequestError
from llmagentos.generation import (
    ChatOptions,
    RequestOptions,
    Work,
    check_options,
    check_vocabulary,
    new_requests,
    run_async,
    service_of,
    stream_chunks,
    stream_chunks_async,
)
from llmagentos.local_model import ModelInfo, open_local_model
from llmagentos.prompts import (
    BINARY,
    Message,
    Prompt,
    PromptEncoder,
    check_positive,
    check_text,
    is_messages,
    is_token_ids,
)
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

_T = TypeVar("_T")
_R = TypeVar("_R")

DEFAULT_MODEL = "smollm2-135m-instruct"


class LLM:
    """A language model, ready to generate. Safe to call from several threads: their requests share each step.

    Args:
        model: a name of the catalogue (fetched when missing), or the path of a .gguf file.
        threads: threads that compute; None takes the CPUs this process may use.
        context_length: tokens that one request may hold, prompt and answer together; None takes the model's own
            length, or what the KV cache has room for where that is less.
        kv_cache_bytes: memory for the KV cache; None sizes it from free memory.
        kv_dtype: how K and V are stored: "f16", "f32", or "int8": about half of f16's memory, for accuracy. One scale
            serves a head's whole key or value, so wide heads lose most: mean KL divergence from float32 rises from
            1.5e-3 to 2.1e-3 for SmolLM2 (heads of 64) and from 1.1e-3 to 5.9e-3 for Gemma (heads of 256), which is
            outside the bounds that hold for f16 (docs/accuracy.md).
        max_batched_tokens: tokens that one step computes at most; bounds working memory. It changes no result.
        max_running: requests under way together at most.
        max_queued: requests that may wait; a call that finds as many waiting is refused with QueueFullError.
        prefix_cache: whether prompts use what earlier ones have computed of the same beginning. It changes no result.
        inter_token_target: seconds between two tokens of an answer that a prompt beside it may stretch them to; None
            allows 2.4 times what they take undisturbed.
        on_event: called with an `Event` whenever a request is queued, started, pre-empted, has its first token, or has
            ended, by the thread that ran the step. It must be quick, and what it raises ends the step's requests.

    Raises:
        ModelNotFoundError: no such model, or it could not be fetched.
        ModelFormatError, UnsupportedModelError: the file is broken, or needs what this build does not have.
        OutOfMemoryError: weights or KV cache do not fit; says what would.
        InvalidRequestError: an argument outside its domain.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        context_length: int | None = None,
        kv_cache_bytes: int | None = None,
        kv_dtype: str = "f16",
        max_batched_tokens: int | None = None,
        max_running: int | None = None,
        max_queued: int | None = None,
        prefix_cache: bool = True,
        inter_token_target: float | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        opened = open_local_model(
            model,
            threads=threads,
            context_length=context_length,
            kv_cache_bytes=kv_cache_bytes,
            kv_dtype=kv_dtype,
            max_batched_tokens=max_batched_tokens,
            max_running=max_running,
            max_queued=max_queued,
            prefix_cache=prefix_cache,
            inter_token_target=inter_token_target,
            on_event=on_event,
        )
        self._engine = opened.engine
        self._tokenizer = opened.tokenizer
        self._default_params = opened.default_params
        self._prompts = PromptEncoder(opened.tokenizer, opened.chat_template, opened.info.name)
        self._answers = AnswerForms(opened.tokenizer, opened.chat_template)
        self._info = opened.info

    @property
    def info(self) -> ModelInfo:
        """What was loaded, and how."""
        return self._info

    @property
    def default_params(self) -> SamplingParams:
        """What calls without params use: the sampling that the model's file recommends, else greedy."""
        return self._default_params

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat` works, and `generate_text` answers rather than continues."""
        return self._prompts.has_chat_template

    def generate_text(self, text: str, max_length: int | None = None) -> str:
        """The natural thing for this model: an answer to `text` from a chat model, its continuation otherwise.

        Args:
            max_length: new tokens at most; None runs until the model stops or the context ends.
        """
        check_positive("max_length", max_length)
        check_text(text)
        params = replace(self._default_params, max_tokens=max_length)
        if self._prompts.has_chat_template:
            return self.chat([{"role": "user", "content": text}], params).text
        return self.generate(text, params).text

    # A str is a Sequence[str] as well; the first overload that fits is taken.
    @overload
    def generate(  # type: ignore[overload-overlap]
        self, prompts: Prompt, params: SamplingParams | None = None, **options: Unpack[RequestOptions]
    ) -> Completion: ...
    @overload
    def generate(
        self, prompts: Sequence[Prompt], params: SamplingParams | None = None, **options: Unpack[RequestOptions]
    ) -> list[Completion]: ...
    def generate(self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[RequestOptions]) -> Any:
        """Continue one prompt, or a list of prompts as one batch. No chat template is applied.

        A prompt is a string, whose special tokens are parsed, or a list of token ids, taken as they are.

        Args:
            options: priority, timeout, cache_salt, response_format; see `RequestOptions`.

        Returns:
            A Completion for one prompt, a list of them for a list; with n > 1, which the types do not show, a list of
            n in place of each.

        Raises:
            ContextLengthError: a prompt does not fit; says by how much. Nothing has run then.
            InvalidRequestError: an empty prompt (for a model that has no token to begin with), ids outside the
                vocabulary, an option outside its domain.
            SchemaError: a JSON schema that is not valid, or says what cannot be enforced; points at the place.
            QueueFullError: as many requests wait as may.
        """
        is_single, work = self._generate_work(prompts, params, options)
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def agenerate(
        self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[RequestOptions]
    ) -> Any:
        """`generate` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        is_single, work = self._generate_work(prompts, params, options)
        await run_async(self._engine, work.requests)
        return work.results()[0] if is_single else work.results()

    @overload
    def chat(
        self, messages: Sequence[Message], params: SamplingParams | None = None, **options: Unpack[ChatOptions]
    ) -> Completion: ...
    @overload
    def chat(
        self,
        messages: Sequence[Sequence[Message]],
        params: SamplingParams | None = None,
        **options: Unpack[ChatOptions],
    ) -> list[Completion]: ...
    def chat(self, messages: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Any:
        """The assistant's answer to a conversation, or to each of a list of conversations as one batch.

        Args:
            messages: dicts with role ("system", "user", "assistant", "tool") and content, as OpenAI's clients write
                them; an assistant's may have tool_calls, a tool's has the tool_call_id that it answers.
            options: as `generate`, and tools, tool_choice, parallel_tool_calls; see `ChatOptions`.

        Returns:
            As `generate`.

        Raises:
            InvalidRequestError: a malformed message (names its index), an option outside its domain, or a model
                without a chat template.
            SchemaError: as `generate`; also for the parameters of a tool.
            ContextLengthError: the conversation does not fit; says by how much.
            QueueFullError: as many requests wait as may.
        """
        is_single, work = self._chat_work(messages, params, options)
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def achat(self, messages: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Any:
        """`chat` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        is_single, work = self._chat_work(messages, params, options)
        await run_async(self._engine, work.requests)
        return work.results()[0] if is_single else work.results()

    def stream(
        self,
        prompt: Prompt | Sequence[Message],
        params: SamplingParams | None = None,
        **options: Unpack[ChatOptions],
    ) -> Iterator[Chunk]:
        """Generate for a prompt (as `generate`) or for messages (as `chat`), token by token.

        Returns:
            An iterator of chunks, one per token; the last one has finish_reason and usage. It computes while it is
            iterated, or while other calls wait for theirs. Closing it cancels the request.

        Raises:
            ContextLengthError, InvalidRequestError: as `generate` and `chat`, at once; n must be 1.
            QueueFullError: when it is first iterated.
        """
        return stream_chunks(self._engine, *self._stream_request(prompt, params, options))

    def astream(
        self,
        prompt: Prompt | Sequence[Message],
        params: SamplingParams | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncIterator[Chunk]:
        """`stream` for asyncio: `async for chunk in llm.astream(...)`. The request goes on while nobody iterates."""
        return stream_chunks_async(self._engine, *self._stream_request(prompt, params, options))

    def score(self, text: Prompt) -> NDArray[np.float32]:
        """How likely the model finds a given text.

        Args:
            text: a string, encoded as a prompt (special tokens parsed, the model's own ones added), or token ids.

        Returns:
            float32 [n - 1] for n tokens: entry i is the natural log of the probability of token i + 1 after tokens
            0..i.
        """
        self._engine.check_open()
        ids = self._prompts.encode(text)
        self._engine.check_fits(len(ids), n_new=0)
        request = Request(ids, SamplingParams(temperature=0.0), len(ids), prompt_logprobs=0)
        if len(ids) > 1:
            self._engine.run([request])
        return np.array([score.logprob for score in request.prompt_scores], np.float32)

    def tokenize(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """Token ids of a text.

        Args:
            add_special: add the tokens that the model wants around a prompt, such as its BOS.
            parse_special: read the spelling of a special token as that token; False takes it as ordinary text.
        """
        self._engine.check_open()
        check_text(text)
        return self._tokenizer.encode(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, ids: Sequence[int], skip_special: bool = False) -> str:
        """The text of token ids; bytes that are no UTF-8 become U+FFFD."""
        self._engine.check_open()
        checked = self._prompts.checked_ids(ids)
        return self._tokenizer.decode(checked, skip_special=skip_special).decode("utf-8", errors="replace")

    def stats(self) -> EngineStats:
        """Queue, KV blocks, prefix cache hits, tokens per second, and percentiles of latencies as they are now."""
        return self._engine.stats()

    def close(self) -> None:
        """Give all memory back, once the step under way is through.

        Requests under way fail. Every later call but `close` raises LLMAgentOSError; `info`, `default_params` and
        `has_chat_template`, which say what was loaded, stay. From a signal handler that interrupts a call of its own
        thread it returns at once, and that call closes the model at the end of its step.
        """
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LLM({self._info.name!r})"

    def _checked(self, params: SamplingParams | None) -> SamplingParams:
        if params is None:
            return self._default_params
        if not isinstance(params, SamplingParams):
            raise InvalidRequestError(f"params must be a SamplingParams or None, not {type(params).__name__}")
        check_vocabulary(params, self._tokenizer.n_vocab)
        return params

    def _form(self, options: Mapping[str, Any], has_messages: bool) -> AnswerForm:
        self._engine.check_open()
        check_options(options, has_messages)
        return self._answers.form_of(options)

    def _generate_work(self, prompts: Any, params: SamplingParams | None, options: RequestOptions) -> tuple[bool, Work]:
        """The requests of `generate`, and whether it was called with one prompt."""
        form = self._form(options, has_messages=False)
        if isinstance(prompts, str) or is_token_ids(prompts):
            return True, self._work([self._prompts.encode(prompts)], params, options, form)
        if not isinstance(prompts, Sequence):
            raise InvalidRequestError(
                f"a prompt must be a string, a list of token ids, or a list of prompts, not {type(prompts).__name__}"
            )
        return False, self._work(_each(prompts, "prompt", self._prompts.encode), params, options, form, "prompt")

    def _chat_work(self, messages: Any, params: SamplingParams | None, options: ChatOptions) -> tuple[bool, Work]:
        """The requests of `chat`, and whether it was called with one conversation."""
        form = self._form(options, has_messages=True)
        encode = partial(self._prompts.encode_chat, tool_set=form.tool_set)
        if not _is_batch(messages):
            return True, self._work([encode(messages)], params, options, form)
        return False, self._work(_each(messages, "conversation", encode), params, options, form, "conversation")

    def _work(
        self,
        prompts: list[list[int]],
        params: SamplingParams | None,
        options: RequestOptions,
        form: AnswerForm,
        kind: str | None = None,
    ) -> Work:
        """Requests for all prompts as one batch. `kind` names them in errors."""
        checked, service = self._checked(params), service_of(options)

        def requests(ids: list[int]) -> list[Request]:
            return new_requests(ids, checked, service, form, self._engine, self._tokenizer)

        return Work(_each(prompts, kind, requests), checked.n, form)

    def _stream_request(
        self, prompt: Any, params: SamplingParams | None, options: ChatOptions
    ) -> tuple[Request, AnswerForm]:
        form = self._form(options, has_messages=is_messages(prompt))
        params = self._checked(params)
        for name in ("n", "best_of", "num_beams"):
            if getattr(params, name) not in (None, 1):
                raise InvalidRequestError(f"{name}={getattr(params, name)} is not valid for a stream: it must be 1")
        if _is_list_of_prompts(prompt):
            raise InvalidRequestError(
                "stream takes one prompt or one conversation, not a list of them; generate and chat take lists"
            )
        is_chat = is_messages(prompt)
        ids = self._prompts.encode_chat(prompt, form.tool_set) if is_chat else self._prompts.encode(prompt)
        (request,) = new_requests(ids, params, service_of(options), form, self._engine, self._tokenizer)
        return request, form


def _each(items: Sequence[_T], kind: str | None, act: Callable[[_T], _R]) -> list[_R]:
    """act on each item; what is wrong with one says which one, where there is a kind to call them by."""
    results = []
    for index, item in enumerate(items):
        try:
            results.append(act(item))
        except InvalidRequestError as error:
            if kind is not None:
                error.args = (f"{kind} {index}: {error}",)
            raise
    return results


def _is_list_of_prompts(value: object) -> bool:
    """Whether this is a list of texts, of lists of token ids or of conversations."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, (str, *BINARY))
        and bool(value)
        and (isinstance(value[0], (str, Sequence, np.ndarray)))
    )


def _is_batch(messages: object) -> bool:
    """Whether this is a list of conversations, each a list itself."""
    return (
        isinstance(messages, Sequence)
        and not isinstance(messages, str)
        and bool(messages)
        and isinstance(messages[0], Sequence)
        and not isinstance(messages[0], str)
    )
