"""The public LLM class: text in, text out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import Chunk, Completion
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError
from llmagentos.generation import check_vocabulary, completion_of, new_requests, stream_chunks
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
    from typing_extensions import Self

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
    ) -> None:
        opened = open_local_model(
            model,
            threads=threads,
            context_length=context_length,
            kv_cache_bytes=kv_cache_bytes,
            kv_dtype=kv_dtype,
            max_batched_tokens=max_batched_tokens,
        )
        self._engine = opened.engine
        self._tokenizer = opened.tokenizer
        self._default_params = opened.default_params
        self._prompts = PromptEncoder(opened.tokenizer, opened.chat_template, opened.info.name)
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
    def generate(self, prompts: Prompt, params: SamplingParams | None = None) -> Completion: ...  # type: ignore[overload-overlap]
    @overload
    def generate(self, prompts: Sequence[Prompt], params: SamplingParams | None = None) -> list[Completion]: ...
    def generate(self, prompts: Any, params: SamplingParams | None = None) -> Any:
        """Continue one prompt, or a list of prompts as one batch. No chat template is applied.

        A prompt is a string, whose special tokens are parsed, or a list of token ids, taken as they are.

        Returns:
            A Completion for one prompt, a list of them for a list; with n > 1, which the types do not show, a list of
            n in place of each.

        Raises:
            ContextLengthError: a prompt does not fit; says by how much. Nothing has run then.
            InvalidRequestError: an empty prompt (for a model that has no token to begin with), ids outside the
                vocabulary.
        """
        if isinstance(prompts, str) or is_token_ids(prompts):
            return self._run([self._prompts.encode(prompts)], params)[0]
        if not isinstance(prompts, Sequence):
            raise InvalidRequestError(
                f"a prompt must be a string, a list of token ids, or a list of prompts, not {type(prompts).__name__}"
            )
        return self._run(_each(prompts, "prompt", self._prompts.encode), params, "prompt")

    @overload
    def chat(self, messages: Sequence[Message], params: SamplingParams | None = None) -> Completion: ...
    @overload
    def chat(self, messages: Sequence[Sequence[Message]], params: SamplingParams | None = None) -> list[Completion]: ...
    def chat(self, messages: Any, params: SamplingParams | None = None) -> Any:
        """The assistant's answer to a conversation, or to each of a list of conversations as one batch.

        Args:
            messages: dicts with role ("system", "user", "assistant") and content, as OpenAI's clients write them.

        Returns:
            As `generate`.

        Raises:
            InvalidRequestError: a malformed message (names its index), or a model without a chat template.
            ContextLengthError: the conversation does not fit; says by how much.
        """
        if not _is_batch(messages):
            return self._run([self._prompts.encode_chat(messages)], params)[0]
        return self._run(_each(messages, "conversation", self._prompts.encode_chat), params, "conversation")

    def stream(self, prompt: Prompt | Sequence[Message], params: SamplingParams | None = None) -> Iterator[Chunk]:
        """Generate for a prompt (as `generate`) or for messages (as `chat`), token by token.

        Returns:
            An iterator of chunks, one per token; the last one has finish_reason and usage. It computes while it is
            iterated, or while other calls wait for theirs. Closing it cancels the request.

        Raises:
            ContextLengthError, InvalidRequestError: as `generate` and `chat`, at once; n must be 1.
        """
        self._engine.check_open()
        params = self._checked(params)
        if params.n != 1:
            raise InvalidRequestError(f"n={params.n} is not valid for a stream: it must be 1")
        if _is_list_of_prompts(prompt):
            raise InvalidRequestError(
                "stream takes one prompt or one conversation, not a list of them; generate and chat take lists"
            )
        encode = self._prompts.encode_chat if is_messages(prompt) else self._prompts.encode
        ids = encode(cast(Any, prompt))
        (request,) = new_requests(ids, params, self._engine, self._tokenizer)
        return stream_chunks(self._engine, request)

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
        request = Request(ids, SamplingParams(temperature=0.0), len(ids), scoring=True)
        if len(ids) > 1:
            self._engine.run([request])
        return cast("NDArray[np.float32]", request.scores)

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

    def _run(self, prompts: list[list[int]], params: SamplingParams | None, kind: str | None = None) -> list[Any]:
        """Run all prompts as one batch; one entry each, a list where n > 1. `kind` names them in errors."""
        checked = self._checked(params)
        groups = _each(prompts, kind, lambda ids: new_requests(ids, checked, self._engine, self._tokenizer))
        self._engine.run([request for group in groups for request in group])
        results = [[completion_of(request) for request in group] for group in groups]
        return [group[0] for group in results] if checked.n == 1 else results


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
