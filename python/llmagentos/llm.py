"""The public LLM class: text in, text out.

What generates is imported where it is used: `open_local_model` has done so while weights were packed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import InvalidRequestError
from llmagentos.local_model import LocalEncoder, LocalModel, ModelInfo, open_local_model
from llmagentos.prompts import Message, Prompt, PromptEncoder, check_positive, check_text, is_messages
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from llmagentos.async_runs import ChunkStream
    from llmagentos.calls import Calls
    from llmagentos.completion import Chunk, Completion
    from llmagentos.engine.engine import Engine
    from llmagentos.engine.request import Request
    from llmagentos.engine.statistics import EngineStats, Event
    from llmagentos.generation import ChatOptions, RequestOptions, Work
    from llmagentos.text_encoder import Classification, Pair, RankedDocument, TextEncoder

DEFAULT_MODEL = "smollm2-135m-instruct"


class LLM:
    """A language model, ready to use. Safe to call from several threads: their requests share each step.

    One that generates texts has `generate_text`, `generate`, `chat`, `stream` and `score`; one that makes vectors of
    texts has `embed` and `rerank`, a classifier `classify` or `rerank`. `tokenize` and `detokenize` serve both.

    Args:
        model: a name of the catalogue or `hf:org/repo` (fetched when missing), or the path of a .gguf file or of a
            folder as transformers saves it: config.json, safetensors and a tokenizer. Without a tokenizer prompts are
            token ids.
        task: "generate" or "embed"; None is what the model was made for. A model that generates texts can embed them
            as well, but not both at once.
        threads: threads that compute; None takes the CPUs this process may use.
        context_length: tokens that one request may hold, prompt and answer together; None takes the model's own
            length, or what the KV cache has room for where that is less.
        kv_cache_bytes: memory for the KV cache; None sizes it from free memory.
        kv_dtype: how K and V are stored by a model that generates: "f16", "f32", or "int8": about half of f16's memory,
            for accuracy. One scale serves a head's whole key or value, so wide heads lose most: mean KL divergence from
            float32 rises from 1.5e-3 to 2.1e-3 for SmolLM2 (heads of 64) and from 1.1e-3 to 5.9e-3 for Gemma (heads of
            256), which is outside the bounds that hold for f16 (docs/accuracy.md).
        max_batched_tokens: tokens that one step computes at most; bounds working memory. It changes no result.
        max_running: requests under way together at most.
        max_queued: requests that may wait; a call that finds as many waiting is refused with QueueFullError.
        prefix_cache: whether prompts use what earlier ones have computed of the same beginning. It changes no result.
        inter_token_target: seconds between two tokens of an answer that a prompt beside it may stretch them to; None
            allows 2.7 times what they take undisturbed.
        speculation: "ngram" guesses the next tokens from where the newest ones occurred before in prompt or answer, and
            verifies several in one step, wherever that is expected to be faster; "off" does not. It changes no result.
        draft_model: a smaller model of the same vocabulary, by name or path, to guess the next tokens with instead. It
            takes memory for its weights and a KV cache of its own.
        on_event: called with an `Event` whenever a request is queued, started, pre-empted, has its first token, or has
            ended, by the thread that ran the step. It must be quick; what it raises is logged.
        quantize: quantises a model of floats while it is loaded, by a mix such as "q8_0", "q6_k" or "q4_k_m"
            (docs/quantize.md lists them); a model that is quantised already is refused.

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
        task: str | None = None,
        threads: int | None = None,
        context_length: int | None = None,
        kv_cache_bytes: int | None = None,
        kv_dtype: str = "f16",
        max_batched_tokens: int | None = None,
        max_running: int | None = None,
        max_queued: int | None = None,
        prefix_cache: bool = True,
        inter_token_target: float | None = None,
        speculation: str = "ngram",
        draft_model: str | os.PathLike[str] | None = None,
        on_event: Callable[[Event], None] | None = None,
        quantize: str | None = None,
    ) -> None:
        opened = open_local_model(
            model,
            task=task,
            threads=threads,
            context_length=context_length,
            kv_cache_bytes=kv_cache_bytes,
            kv_dtype=kv_dtype,
            max_batched_tokens=max_batched_tokens,
            max_running=max_running,
            max_queued=max_queued,
            prefix_cache=prefix_cache,
            inter_token_target=inter_token_target,
            speculation=speculation,
            draft_model=draft_model,
            on_event=on_event,
            quantize=quantize,
        )
        self._info = opened.info
        self._encoding: TextEncoder | None = None
        self._generating: LocalModel | None = None
        if isinstance(opened, LocalEncoder):
            self._encoding = opened.encoder
            self._tokenizer, self._prompts = opened.encoder.tokenizer, opened.encoder.prompts
            return
        self._generating = opened
        self._tokenizer = opened.tokenizer
        self._prompts = PromptEncoder(opened.tokenizer, opened.chat_template, opened.info.name)

    @property
    def info(self) -> ModelInfo:
        """What was loaded, and how."""
        return self._info

    @property
    def _local(self) -> LocalModel:
        if self._generating is None:
            raise InvalidRequestError(
                f"{self._info.name} makes vectors of texts, it generates none; use embed(), rerank() or classify()"
            )
        return self._generating

    @property
    def _engine(self) -> Engine:
        return self._local.engine

    @property
    def _default_params(self) -> SamplingParams:
        return self._local.default_params

    @cached_property
    def _calls(self) -> Calls:
        from llmagentos.answer_forms import AnswerForms
        from llmagentos.calls import Calls

        local = self._local
        answers = AnswerForms(local.tokenizer, local.chat_template)
        return Calls(local.engine, local.tokenizer, self._prompts, answers, local.default_params, local.decoding)

    async def _run_async(self, requests: Sequence[Request]) -> None:
        from llmagentos.async_runs import run_async

        await run_async(self._engine, requests)

    @property
    def _encoder(self) -> TextEncoder:
        if self._encoding is None:
            raise InvalidRequestError(
                f'{self._info.name} was loaded to generate texts; load it with task="embed" for embeddings'
            )
        return self._encoding

    def _check_open(self) -> None:
        if self._encoding is not None:
            self._encoding.check_open()
        else:
            self._engine.check_open()

    @property
    def default_params(self) -> SamplingParams:
        """What calls without params use: the sampling that the model's file recommends, else greedy."""
        return self._default_params

    @property
    def generates(self) -> bool:
        """Whether it generates texts, rather than making vectors of them."""
        return self._generating is not None

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat` works, and `generate_text` answers rather than continues."""
        return self._prompts.has_chat_template

    def generate_text(self, text: str, max_length: int | None = None) -> str:
        """The natural thing for this model: an answer to `text` from a chat model, its continuation otherwise.

        An encoder-decoder model reads `text` and writes what it was trained to: a summary, a translation. It searches
        as its own generation_config.json says (beams, lengths, n-grams that must not repeat).

        Args:
            max_length: new tokens at most; None runs until the model stops or the context ends. For an encoder-decoder
                model the decoder's tokens, among which is the one it starts with; None takes the model's own.
        """
        if self._info.encoder_length is not None:
            check_positive("max_length", max_length, least=2)
            check_text(text)
            params = self._default_params
            return self.generate(
                text, params if max_length is None else replace(params, max_tokens=max_length - 1)
            ).text
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

        An encoder-decoder model reads the prompt and answers; the completion is what its decoder generates.

        A prompt is a string, whose special tokens are parsed, or a list of token ids, taken as they are.

        Args:
            options: priority, timeout, cache_salt, response_format, forced_bos_token_id; see `RequestOptions`.

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
        is_single, work = self._calls.generate(prompts, params, options)
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def agenerate(
        self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[RequestOptions]
    ) -> Any:
        """`generate` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        is_single, work = self._calls.generate(prompts, params, options)
        await self._run_async(work.requests)
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
        is_single, work = self._calls.chat(messages, params, options)
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def achat(self, messages: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Any:
        """`chat` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        is_single, work = self._calls.chat(messages, params, options)
        await self._run_async(work.requests)
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
        from llmagentos.generation import stream_chunks

        return stream_chunks(self._engine, *self._calls.stream(prompt, params, options))

    def astream(
        self,
        prompt: Prompt | Sequence[Message],
        params: SamplingParams | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncIterator[Chunk]:
        """`stream` for asyncio: `async for chunk in llm.astream(...)`. The request goes on while nobody iterates."""
        from llmagentos.async_runs import stream_chunks_async

        return stream_chunks_async(self._engine, *self._calls.stream(prompt, params, options))

    def prepare(self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Work:
        """The checked requests of a call that has not begun: of `chat` for messages, of `generate` otherwise.

        For servers: this may take long for a long prompt or a large schema, and belongs into a thread; `start` and
        `arun` belong to an event loop. Arguments and errors are those of `chat` and `generate`.
        """
        call = self._calls.chat if is_messages(prompts) else self._calls.generate
        return call(prompts, params, options)[1]

    def start(self, work: Work) -> ChunkStream:
        """Begin prepared requests, and stream all of them together for asyncio: see `ChunkStream`."""
        from llmagentos.async_runs import ChunkStream

        return ChunkStream(self._engine, work)

    async def arun(self, work: Work) -> list[Completion]:
        """Run prepared requests to their ends: the completions of the first prompt, then those of the next, and so on.

        Cancelling the task cancels the requests.
        """
        await self._run_async(work.requests)
        return work.completions()

    def score(self, text: Prompt, source: Prompt | None = None) -> NDArray[np.float32]:
        """How likely the model finds a given text.

        Args:
            text: a string, encoded as a prompt (special tokens parsed, the model's own ones added), or token ids.
            source: what the encoder of an encoder-decoder model reads; `text` is the answer then.

        Returns:
            float32 [n - 1] for n tokens: entry i is the natural log of the probability of token i + 1 after tokens
            0..i. Of an encoder-decoder model float32 [n], since its first token follows something too: the token that
            the decoder starts with.
        """
        request = self._calls.score(text, source)
        if request.n_prompt > 1:
            self._engine.run([request])
        return np.array([score.logprob for score in request.prompt_scores], np.float32)

    def embed(
        self,
        texts: Prompt | Sequence[Prompt],
        *,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate: bool = False,
    ) -> NDArray[np.float32]:
        """Embeddings of one text or of a list of them, whose similarity is that of the texts' meanings.

        Args:
            texts: strings, or lists of token ids, which are taken as they are.
            prompt_name: which of the prompts that the model's files name is put before each string, such as "query";
                None takes their default, if there is one.
            normalize: whether to scale embeddings to length one, so that their products are cosines; None does what
                the model's files say, and where they say nothing, does it.
            truncate: leave out the end of texts that are too long.

        Returns:
            float32 [n, dim]; one row for one text. A row depends on its own text only, bit for bit.

        Raises:
            ContextLengthError: a text is too long; says by how much.
            InvalidRequestError: an empty list of ids, a prompt that there is not, or a model that makes no embeddings.
        """
        return self._encoder.embed(texts, prompt_name, normalize, truncate)

    def rerank(
        self, query: str, documents: Sequence[str], *, top_n: int | None = None, truncate: bool = False
    ) -> list[RankedDocument]:
        """Documents by how well they answer a query, best first.

        A cross-encoder reads the query and each document together. An embedding model compares their embeddings, with
        the prompts that its files name for queries and documents.

        Args:
            top_n: how many to return; None returns all.
            truncate: leave out ends where a text, or query and document together, are too long.

        Raises:
            ContextLengthError: as `embed`.
            InvalidRequestError: the model does neither.
        """
        return self._encoder.rerank(query, documents, top_n, truncate)

    @overload
    def classify(self, texts: Prompt | Pair, *, truncate: bool = False) -> Classification: ...  # type: ignore[overload-overlap]
    @overload
    def classify(self, texts: Sequence[Prompt | Pair], *, truncate: bool = False) -> list[Classification]: ...
    def classify(self, texts: Any, *, truncate: bool = False) -> Any:
        """What a classifier says of one text, or of each of a list.

        Args:
            texts: strings, lists of token ids, or pairs of strings (a tuple of two), which the model reads together.
            truncate: as `rerank`.

        Returns:
            A Classification for one text or pair, a list of them for a list. Scores are a softmax over the labels, or a
            sigmoid of each where the model's files say so or there is one only.

        Raises:
            ContextLengthError: as `embed`.
            InvalidRequestError: the model is no classifier.
        """
        return self._encoder.classify(texts, truncate)

    def tokenize(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """Token ids of a text.

        Args:
            add_special: add the tokens that the model wants around a prompt, such as its BOS.
            parse_special: read the spelling of a special token as that token; False takes it as ordinary text.
        """
        self._check_open()
        check_text(text)
        return self._tokenizer.encode(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, ids: Sequence[int], skip_special: bool = False) -> str:
        """The text of token ids; bytes that are no UTF-8 become U+FFFD."""
        self._check_open()
        checked = self._prompts.checked_ids(ids)
        return self._tokenizer.decode(checked, skip_special=skip_special).decode("utf-8", errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """The bytes that a token adds to a text; they may be a part of a character."""
        return self._tokenizer.token_bytes(self._prompts.checked_ids([id])[0])

    def stats(self) -> EngineStats:
        """Queue, KV blocks, prefix cache hits, tokens per second, and percentiles of latencies as they are now."""
        return self._engine.stats()

    def close(self) -> None:
        """Give all memory back, once the step under way is through.

        Requests under way fail. Every later call but `close` raises LLMAgentOSError; `info`, `default_params` and
        `has_chat_template`, which say what was loaded, stay. From a signal handler that interrupts a call of its own
        thread it returns at once, and that call closes the model at the end of its step.
        """
        if self._encoding is not None:
            self._encoding.close()
        else:
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LLM({self._info.name!r})"
