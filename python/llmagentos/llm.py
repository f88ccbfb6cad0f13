"""The public LLM class: text in, text out.

What generates is imported where it is used: `open_local_model` has done so while weights were packed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from llmagentos.calls.prompts import Message, Prompt, check_positive, check_text, is_messages
from llmagentos.loaded_model import LoadedModel
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from llmagentos.calls.async_runs import ChunkStream
    from llmagentos.calls.generation import ChatOptions, RequestOptions, Work
    from llmagentos.calls.text_encoder import Classification, Pair, RankedDocument
    from llmagentos.completion import Chunk, Completion
    from llmagentos.engine.statistics import EngineStats, Event

DEFAULT_MODEL = "smollm2-135m-instruct"


class LLM(LoadedModel):
    """A language model, ready to use. Safe to call from several threads: their requests share each step.

    One that generates texts has `generate_text`, `generate`, `chat`, `stream` and `score`; one that makes vectors of
    texts has `embed` and `rerank`, a classifier `classify` or `rerank`. `tokenize` and `detokenize` serve both.

    Args:
        model: a name of the catalogue or `hf:org/repo` (fetched when missing), or the path of a .gguf file or of a
            folder as transformers saves it: config.json, safetensors and a tokenizer. Without a tokenizer prompts are
            token ids. `openai:MODEL`, `gemini:MODEL` and `http(s)://HOST/v1#MODEL` are models of services, and so are
            some of the catalogue; of the settings below they take `task` only (docs/remote.md).
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
        max_batched_tokens: tokens that one step computes at most, and that are set aside from prompts beside running
            answers; bounds working memory, which the second takes once more when it happens. It changes no result.
        max_running: sequences under way together at most; the completions of a prompt (`n`, `best_of`) and its beams
            count one by one, and take turns where they are more. Without it 128, or as many as have 64 MiB of logits
            (64 with Gemma's vocabulary); each more takes 4 bytes for each token of the vocabulary.
        max_queued: requests that may wait; a call that finds as many waiting is refused with QueueFullError.
        prefix_cache: whether prompts use what earlier ones have computed of the same beginning. It changes no result.
        inter_token_target: seconds between two tokens of an answer that a prompt beside it may stretch them to; None
            allows 2.8 times what they take undisturbed.
        speculation: "ngram" guesses the next tokens from where the newest ones occurred before in prompt or answer, and
            verifies several in one step, wherever that is expected to be faster; "off" does not. It changes no result.
        draft_model: a smaller model of the same vocabulary, by name or path, to guess the next tokens with instead. It
            takes memory for its weights and a KV cache of its own.
        on_event: called with an `Event` whenever a request is queued, started, pre-empted, has its first token, or has
            ended, by the thread that ran the step. It must be quick; what it raises is logged.
        quantize: quantises a model of floats while it is loaded, by a mix such as "q8_0", "q6_k" or "q4_k_m"
            (docs/quantize.md lists them); a model that is quantised already is refused.
        adapters: LoRA adapters to load, by name, as `load_adapter` does.

    Raises:
        ModelNotFoundError: no such model, or it could not be fetched.
        ModelFormatError, UnsupportedModelError: the file is broken, or needs what this build does not have.
        OutOfMemoryError: weights or KV cache do not fit; says what would.
        InvalidRequestError: an argument outside its domain.
        ProviderError: a service's model without a key, or without the package that speaks to the service.
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
        adapters: Mapping[str, str | os.PathLike[str]] | None = None,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(settings, LLM.__init__.__kwdefaults__ or {})

    def generate_text(self, text: str, max_length: int | None = None, *, adapter: str | None = None) -> str:
        """The natural thing for this model: an answer to `text` from a chat model, its continuation otherwise.

        An encoder-decoder model reads `text` and writes what it was trained to: a summary, a translation. It searches
        as its own generation_config.json says (beams, lengths, n-grams that must not repeat).

        Args:
            max_length: new tokens at most; None runs until the model stops or the context ends. For an encoder-decoder
                model the decoder's tokens, among which is the one it starts with; None takes the model's own.
            adapter: the name of the adapter that answers; None for the model alone.
        """
        if self._remote is not None:
            if adapter is not None:
                self._check_local()
            return self._remote.generate_text(text, max_length)
        if self._info.encoder_length is not None:
            check_positive("max_length", max_length, least=2)
            check_text(text)
            params = self._default_params
            params = params if max_length is None else replace(params, max_tokens=max_length - 1)
            return self.generate(text, params, adapter=adapter).text
        check_positive("max_length", max_length)
        check_text(text)
        params = replace(self._default_params, max_tokens=max_length)
        if self.has_chat_template:
            return self.chat([{"role": "user", "content": text}], params, adapter=adapter).text
        return self.generate(text, params, adapter=adapter).text

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
            options: priority, timeout, cache_salt, adapter, response_format, forced_bos_token_id; see
                `RequestOptions`.

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
        return self._answering.generate(prompts, params, options)

    async def agenerate(
        self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[RequestOptions]
    ) -> Any:
        """`generate` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        return await self._answering.agenerate(prompts, params, options)

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
        return self._answering.chat(messages, params, options)

    async def achat(self, messages: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Any:
        """`chat` for asyncio: other tasks run meanwhile, and cancelling this one cancels its requests."""
        return await self._answering.achat(messages, params, options)

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
        return self._answering.stream(prompt, params, options)

    def astream(
        self,
        prompt: Prompt | Sequence[Message],
        params: SamplingParams | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncIterator[Chunk]:
        """`stream` for asyncio: `async for chunk in llm.astream(...)`. The request goes on while nobody iterates.

        A response_format and tools are compiled in a thread: what is wrong with such a call is raised when the stream
        is first iterated.
        """
        return self._answering.astream(prompt, params, options)

    def prepare(self, prompts: Any, params: SamplingParams | None = None, **options: Unpack[ChatOptions]) -> Work:
        """The checked requests of a call that has not begun: of `chat` for messages, of `generate` otherwise.

        For servers: this may take long for a long prompt or a large schema, and belongs into a thread; `start` and
        `arun` belong to an event loop. Arguments and errors are those of `chat` and `generate`.
        """
        call = self._calls.chat if is_messages(prompts) else self._calls.generate
        return call(prompts, params, options)[1]

    def start(self, work: Work) -> ChunkStream:
        """Begin prepared requests, and stream all of them together for asyncio: see `ChunkStream`."""
        from llmagentos.calls.async_runs import ChunkStream

        return ChunkStream(self._engine, work)

    async def arun(self, work: Work) -> list[Completion]:
        """Run prepared requests to their ends: the completions of the first prompt, then those of the next, and so on.

        Cancelling the task cancels the requests.
        """
        from llmagentos.calls.async_runs import run_async

        await run_async(self._engine, work.requests)
        return work.completions()

    def score(self, text: Prompt, source: Prompt | None = None, *, adapter: str | None = None) -> NDArray[np.float32]:
        """How likely the model finds a given text.

        Args:
            text: a string, encoded as a prompt (special tokens parsed, the model's own ones added), or token ids.
            source: what the encoder of an encoder-decoder model reads; `text` is the answer then.
            adapter: the name of the adapter that scores it.

        Returns:
            float32 [n - 1] for n tokens: entry i is the natural log of the probability of token i + 1 after tokens
            0..i. Of an encoder-decoder model float32 [n], since its first token follows something too: the token that
            the decoder starts with.
        """
        request = self._calls.score(text, source, adapter)
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
        adapter: str | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> NDArray[np.float32]:
        """Embeddings of one text or of a list of them, whose similarity is that of the texts' meanings.

        Args:
            texts: strings, or lists of token ids, which are taken as they are.
            prompt_name: which of the prompts that the model's files name is put before each string, such as "query";
                None takes their default, if there is one.
            normalize: whether to scale embeddings to length one, so that their products are cosines; None does what
                the model's files say, and where they say nothing, does it.
            truncate: leave out the end of texts that are too long.
            adapter: the name of the adapter that computes them.
            progress: called with the tokens that are done and all, now and then, by a model that runs here.

        Returns:
            float32 [n, dim]; one row for one text. A row depends on its own text only, bit for bit.

        Raises:
            ContextLengthError: a text is too long; says by how much.
            InvalidRequestError: an empty list of ids, a prompt that there is not, or a model that makes no embeddings.
        """
        if self._remote is not None:
            if adapter is not None:
                self._check_local()
            return self._remote.embed(texts, prompt_name, normalize, truncate)[0]
        return self.encoder.embed(texts, prompt_name, normalize, truncate, adapter, progress)[0]

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        truncate: bool = False,
        adapter: str | None = None,
    ) -> list[RankedDocument]:
        """Documents by how well they answer a query, best first.

        A cross-encoder reads the query and each document together. An embedding model compares their embeddings, with
        the prompts that its files name for queries and documents.

        Args:
            top_n: how many to return; None returns all.
            truncate: leave out ends where a text, or query and document together, are too long.
            adapter: as `embed`.

        Raises:
            ContextLengthError: as `embed`.
            InvalidRequestError: the model does neither.
        """
        return self.encoder.rerank(query, documents, top_n, truncate, adapter)[0]

    @overload
    def classify(  # type: ignore[overload-overlap]
        self, texts: Prompt | Pair, *, truncate: bool = False, adapter: str | None = None
    ) -> Classification: ...
    @overload
    def classify(
        self, texts: Sequence[Prompt | Pair], *, truncate: bool = False, adapter: str | None = None
    ) -> list[Classification]: ...
    def classify(self, texts: Any, *, truncate: bool = False, adapter: str | None = None) -> Any:
        """What a classifier says of one text, or of each of a list.

        Args:
            texts: strings, lists of token ids, or pairs of strings (a tuple of two), which the model reads together.
            truncate, adapter: as `rerank`.

        Returns:
            A Classification for one text or pair, a list of them for a list. Scores are a softmax over the labels, or a
            sigmoid of each where the model's files say so or there is one only.

        Raises:
            ContextLengthError: as `embed`.
            InvalidRequestError: the model is no classifier.
        """
        return self.encoder.classify(texts, truncate, adapter)

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

    def __repr__(self) -> str:
        return f"LLM({self.info.name!r})"
