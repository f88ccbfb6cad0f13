"""From a model's name to an engine that runs it: the one place where file, graph, backend and engine meet."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmagentos.errors import (
    InvalidRequestError,
    ModelFormatError,
    OutOfMemoryError,
    shown,
)
from llmagentos.loading.settings import LoadSettings
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.backends.cpu import CpuBackend
    from llmagentos.calls.adapters import Adapters
    from llmagentos.calls.text_encoder import TextEncoder
    from llmagentos.engine.engine import Engine
    from llmagentos.engine.speculation import Proposer
    from llmagentos.formats import Checkpoint
    from llmagentos.formats.checkpoint import DecodingTokens, Pooling
    from llmagentos.formats.tokenizer import Tokenizer
    from llmagentos.quantization.load import Packing

# More gains no speed on the CPU, and every token in a step costs working memory.
DEFAULT_BATCHED_TOKENS = 512
DEFAULT_QUEUED = 4096


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What was loaded, and how.

    Attributes:
        name: that of the catalogue or the hub for a model that is called by it, else as the file has it.
        architecture: the family whose graph it is, such as "llama".
        parameters: number of weights.
        weight_formats: bytes of the weights per format, largest first; as they were quantised at load.
        context_length: tokens that one request may hold; of an encoder-decoder model those of an answer.
        n_bytes: of the weights together.
        isa: instruction set of the kernels in use.
        threads: threads that compute.
        kv_cache_bytes: size of the KV cache; its memory is taken as it fills.
        encoder_length: tokens that an encoder-decoder model's encoder takes; None for other models.
    """

    name: str
    architecture: str
    parameters: int
    weight_formats: dict[str, int]
    context_length: int
    n_bytes: int
    isa: str
    threads: int
    kv_cache_bytes: int
    encoder_length: int | None = None


@dataclass(frozen=True, slots=True)
class LocalEncoder:
    """A model that makes vectors of texts."""

    encoder: TextEncoder
    info: ModelInfo


@dataclass(frozen=True, slots=True)
class LocalModel:
    """An engine, and what stands around it to make text of its tokens.

    Attributes:
        adapters: those that calls may choose.
        decoding: how an encoder-decoder model's answers begin and end; None for other models.
    """

    engine: Engine
    tokenizer: Tokenizer
    chat_template: str | None
    default_params: SamplingParams
    info: ModelInfo
    adapters: Adapters
    decoding: DecodingTokens | None = None


def open_local_model(model: str | os.PathLike[str], settings: LoadSettings) -> LocalModel | LocalEncoder:
    """Resolve, map, build, pack. Errors are those of `LLM`."""
    from llmagentos.market import known_as, resolve
    from llmagentos.models import open_checkpoint
    from llmagentos.quantization.mixes import mix_named

    mix = None if settings.quantize is None else mix_named(settings.quantize)
    checkpoint = _for_task(open_checkpoint(resolve(model)), settings.task)
    name = known_as(model) or checkpoint.name
    if checkpoint.pooling is not None:
        return _open_encoder(checkpoint, checkpoint.pooling, name, settings, mix)
    return _open_generator(checkpoint, name, settings, mix)


def _open_encoder(
    checkpoint: Checkpoint, pooling: Pooling, name: str, settings: LoadSettings, mix: str | None
) -> LocalEncoder:
    settings.check_for_vectors(name)
    from llmagentos.loading.local_encoder import open_text_encoder

    opened = open_text_encoder(
        checkpoint,
        pooling,
        name,
        threads=settings.threads,
        context_length=settings.context_length,
        max_batched_tokens=settings.max_batched_tokens,
        mix=mix,
    )
    return LocalEncoder(
        opened.encoder, _info(checkpoint, name, opened.encoder.max_length, opened.backend, opened.packing)
    )


def _open_generator(checkpoint: Checkpoint, name: str, settings: LoadSettings, mix: str | None) -> LocalModel:
    if settings.draft_model is not None and checkpoint.is_encoder_decoder:
        raise InvalidRequestError(
            f"draft_model={shown(settings.draft_model)} is not valid: {checkpoint.name} has an encoder"
        )
    default_params = recommended_params(checkpoint)
    opening = _Opening(checkpoint, settings, mix)
    # While the weights are packed: each of the two is a tenth of the time to a first answer.
    import llmagentos.calls.arguments  # noqa: F401  (for later)
    from llmagentos.calls.adapters import Adapters
    from llmagentos.engine.engine import Engine, EngineConfig, usual_running
    from llmagentos.engine.native_sampler import NativeSampler
    from llmagentos.models.lora import AdapterBase

    backend = opening.backend()
    info = replace(
        _info(checkpoint, name, opening.context, backend, opening.packing),
        kv_cache_bytes=opening.n_blocks * opening.block_bytes,
        encoder_length=opening.encoder_length,
    )
    config = EngineConfig(
        context_length=opening.context,
        max_batched_tokens=opening.batched_tokens,
        max_running=settings.max_running or usual_running(backend.vocab_size),
        max_queued=settings.max_queued or DEFAULT_QUEUED,
        prefix_cache=settings.prefix_cache,
        inter_token_target=settings.inter_token_target,
        on_event=settings.on_event,
        encoder_length=opening.encoder_length,
        can_be_longer=opening.context < checkpoint.context_length or checkpoint.has_relative_positions,
    )
    proposer = _open_proposer(settings, checkpoint.tokenizer, info.kv_cache_bytes)
    sampler = NativeSampler(backend.pool, checkpoint.tokenizer, checkpoint.missing_ids)
    engine = Engine(backend, sampler, config, proposer)
    decoding = checkpoint.decoding if checkpoint.is_encoder_decoder else None
    adapters = Adapters(engine, AdapterBase.of(checkpoint))
    return LocalModel(engine, checkpoint.tokenizer, checkpoint.chat_template, default_params, info, adapters, decoding)


class _Opening:
    """A backend under way: its memory is sized here, and its weights are packed by a thread.

    Attributes:
        context: tokens that one request may hold.
        encoder_length: tokens that the encoder takes; None without an encoder.
        batched_tokens: of a step.
        n_blocks, block_bytes: of the KV cache.
    """

    def __init__(self, checkpoint: Checkpoint, settings: LoadSettings, mix: str | None) -> None:
        from llmagentos.backends.cpu import CpuBackend
        from llmagentos.loading.background import Background
        from llmagentos.loading.kv_memory import size_kv_cache
        from llmagentos.models import build_graph
        from llmagentos.quantization.load import packing_of

        graph = build_graph(checkpoint)
        self.packing = packing_of(checkpoint, mix)
        self.block_bytes = CpuBackend.kv_block_bytes(graph, settings.kv_dtype)
        trained = checkpoint.context_length
        if checkpoint.has_relative_positions:
            trained = max(trained, settings.context_length or 0)
        self.encoder_length = trained if checkpoint.is_encoder_decoder else None
        self.context, self.n_blocks = size_kv_cache(
            trained,
            settings.context_length,
            settings.kv_cache_bytes,
            self.block_bytes,
            CpuBackend.block_size,
            self.packing.n_bytes,
            self.encoder_length or 0,
        )
        self.batched_tokens = settings.max_batched_tokens or DEFAULT_BATCHED_TOKENS
        self._backend: Background[CpuBackend] = Background(
            lambda: CpuBackend(
                graph,
                checkpoint.tensors,
                threads=settings.threads,
                n_blocks=self.n_blocks,
                kv_dtype=settings.kv_dtype,
                max_batched_tokens=max(self.batched_tokens, self.encoder_length or 0),  # its input is not cut
                quantize_to=self.packing.quantize_to,
            )
        )

    def backend(self) -> CpuBackend:
        """Waits for it.

        Raises:
            OutOfMemoryError: says what takes how much.
        """
        try:
            return self._backend.result()
        except OutOfMemoryError as error:
            from llmagentos.backends.cpu import CpuBackend

            one_context = -(-self.context // CpuBackend.block_size) * self.block_bytes
            raise OutOfMemoryError(
                f"{error}: the weights take {self.packing.n_bytes} bytes, the KV cache "
                f"{self.n_blocks * self.block_bytes} (kv_cache_bytes; one context of {self.context} tokens takes "
                f"{one_context}), and working memory grows with max_batched_tokens={self.batched_tokens}; "
                f"{_available()}"
            ) from error


def _for_task(checkpoint: Checkpoint, task: str | None) -> Checkpoint:
    """The checkpoint as it is to be used: a decoder that is to embed pools its last row, where it does not say."""
    if task == "embed" and checkpoint.is_encoder_decoder:
        raise InvalidRequestError(f"{checkpoint.name} reads a text and writes another: it makes no vectors of texts")
    if task == "embed" and checkpoint.pooling is None:
        from llmagentos.formats.checkpoint import Pooling

        return replace(checkpoint, pooling=Pooling("last"))
    if task == "generate" and checkpoint.pooling is not None:
        raise InvalidRequestError(f'task="generate" is not valid: {checkpoint.name} makes vectors of texts, not texts')
    return checkpoint


def _info(checkpoint: Checkpoint, name: str, context: int, backend: CpuBackend, packing: Packing) -> ModelInfo:
    return ModelInfo(
        name=name,
        architecture=checkpoint.architecture,
        parameters=checkpoint.n_parameters,
        weight_formats=packing.bytes_per_format,
        context_length=context,
        n_bytes=packing.n_bytes,
        isa=backend.isa,
        threads=backend.pool.size,
        kv_cache_bytes=0,
    )


def recommended_params(checkpoint: Checkpoint) -> SamplingParams:
    """The sampling that the file recommends (GGUF's general.sampling.*, generation_config.json), else greedy.

    Raises:
        ModelFormatError: a recommendation outside its domain.
    """
    if not checkpoint.sampling:
        return SamplingParams(temperature=0.0)
    try:
        return SamplingParams(**checkpoint.sampling)
    except InvalidRequestError as error:
        path = str(checkpoint.path)
        raise ModelFormatError(f"{path}: the sampling it recommends is not valid: {error}", path) from error


def _open_proposer(settings: LoadSettings, tokenizer: Tokenizer, kv_cache_bytes: int) -> Proposer | None:
    """What makes drafts: a second model where there is one, else the text itself.

    A second model gets a quarter of the KV cache's size for its own, on top.
    """
    if settings.speculation == "off":
        return None
    if settings.draft_model is None:
        from llmagentos.engine.ngram_proposer import NgramProposer

        return NgramProposer()
    from llmagentos.engine.draft_model import DraftModelProposer

    drafting = open_local_model(
        settings.draft_model,
        replace(
            settings,
            task="generate",
            context_length=None,
            kv_cache_bytes=kv_cache_bytes // 4,
            max_batched_tokens=None,
            max_running=None,
            max_queued=None,
            prefix_cache=True,
            inter_token_target=None,
            speculation="off",
            draft_model=None,
            on_event=None,
            quantize=None,
        ),
    )
    assert isinstance(drafting, LocalModel)  # noqa: S101  (what the task says)
    difference = _difference(tokenizer, drafting.tokenizer)
    reason = None if difference is None else f"its vocabulary must be the model's, but {difference}"
    if drafting.decoding is not None:
        reason = "it has an encoder"
    if reason is not None:
        drafting.engine.close()
        raise InvalidRequestError(f"draft_model={shown(settings.draft_model)} is not valid: {reason}")
    return DraftModelProposer(drafting.engine)


def _difference(tokenizer: Tokenizer, other: Tokenizer) -> str | None:
    """Where two vocabularies differ, or None."""
    if tokenizer.n_vocab != other.n_vocab:
        return f"it has {other.n_vocab} tokens, not {tokenizer.n_vocab}"
    for id in range(tokenizer.n_vocab):
        if tokenizer.token_text(id) != other.token_text(id):
            return f"token {id} is {other.token_text(id)!r}, not {tokenizer.token_text(id)!r}"
    return None


def _available() -> str:
    from llmagentos.market.memory import memory

    found = memory()
    if found.available is None or found.total is None:
        return "lower either of the two"
    return f"{found.available} of this machine's {found.total} bytes are free: lower either of the two"
