"""From a model's name to an engine that runs it: the one place where file, graph, backend and engine meet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmagentos.errors import (
    InvalidRequestError,
    ModelFormatError,
    OutOfMemoryError,
    shown,
)
from llmagentos.prompts import check_positive, check_seconds
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.adapters import Adapters
    from llmagentos.backends.cpu import CpuBackend
    from llmagentos.engine.engine import Engine
    from llmagentos.engine.speculation import Proposer
    from llmagentos.engine.statistics import Event
    from llmagentos.formats import Checkpoint
    from llmagentos.formats.checkpoint import DecodingTokens
    from llmagentos.formats.tokenizer import Tokenizer
    from llmagentos.quantization.load import Packing
    from llmagentos.text_encoder import TextEncoder

# More gains no speed on the CPU, and every token in a step costs working memory.
DEFAULT_BATCHED_TOKENS = 512
MAX_BATCHED_TOKENS = 1 << 16
MAX_THREADS = 1024
DEFAULT_RUNNING = 128
MAX_RUNNING = 4096
DEFAULT_QUEUED = 4096
KV_DTYPES = ("f16", "f32", "int8")
SPECULATION = ("ngram", "off")
TASKS = ("generate", "embed")


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


def open_local_model(
    model: str | os.PathLike[str],
    *,
    task: str | None,
    threads: int | None,
    context_length: int | None,
    kv_cache_bytes: int | None,
    kv_dtype: str,
    max_batched_tokens: int | None,
    max_running: int | None,
    max_queued: int | None,
    prefix_cache: bool,
    inter_token_target: float | None,
    speculation: str,
    draft_model: str | os.PathLike[str] | None,
    on_event: Callable[[Event], None] | None,
    quantize: str | None = None,
) -> LocalModel | LocalEncoder:
    """Resolve, map, build, pack. Arguments and errors are those of `LLM`."""
    check_is_name(model)
    check_positive("threads", threads, most=MAX_THREADS)
    check_positive("context_length", context_length, least=2, most=2**31 - 1)  # a prompt's token and an answer's
    check_positive("kv_cache_bytes", kv_cache_bytes, most=2**63 - 1)
    check_positive("max_batched_tokens", max_batched_tokens, most=MAX_BATCHED_TOKENS)
    check_positive("max_running", max_running, most=MAX_RUNNING)
    check_positive("max_queued", max_queued)
    check_seconds("inter_token_target", inter_token_target)
    if not isinstance(prefix_cache, bool):
        raise InvalidRequestError(f"prefix_cache={shown(prefix_cache)} is not valid: it must be True or False")
    if on_event is not None and not callable(on_event):
        raise InvalidRequestError(f"on_event={shown(on_event)} is not valid: it must be None or a function")
    if kv_dtype not in KV_DTYPES:
        raise InvalidRequestError(f"kv_dtype={shown(kv_dtype)} is not valid: it must be one of {', '.join(KV_DTYPES)}")
    check_task(task)
    _check_speculation(speculation, draft_model)

    from llmagentos.backends.cpu import CpuBackend
    from llmagentos.background import Background
    from llmagentos.kv_memory import size_kv_cache
    from llmagentos.market import known_as, resolve
    from llmagentos.models import build_graph, open_checkpoint
    from llmagentos.quantization.load import packing_of
    from llmagentos.quantization.mixes import mix_named

    mix = None if quantize is None else mix_named(quantize)
    checkpoint = _for_task(open_checkpoint(resolve(model)), task)
    name = known_as(model) or checkpoint.name
    if checkpoint.pooling is not None:
        _check_of_use(name, kv_cache_bytes, max_running, max_queued, inter_token_target, draft_model, on_event)
        from llmagentos.local_encoder import open_text_encoder

        opened = open_text_encoder(
            checkpoint,
            checkpoint.pooling,
            name,
            threads=threads,
            context_length=context_length,
            max_batched_tokens=max_batched_tokens,
            mix=mix,
        )
        return LocalEncoder(
            opened.encoder, _info(checkpoint, name, opened.encoder.max_length, opened.backend, opened.packing)
        )
    if draft_model is not None and checkpoint.is_encoder_decoder:
        raise InvalidRequestError(f"draft_model={shown(draft_model)} is not valid: {checkpoint.name} has an encoder")
    default_params = recommended_params(checkpoint)
    graph = build_graph(checkpoint)
    packing = packing_of(checkpoint, mix)
    block_bytes = CpuBackend.kv_block_bytes(graph, kv_dtype)
    trained = checkpoint.context_length
    if checkpoint.has_relative_positions:
        trained = max(trained, context_length or 0)
    encoder_length = trained if checkpoint.is_encoder_decoder else None
    context, n_blocks = size_kv_cache(
        trained,
        context_length,
        kv_cache_bytes,
        block_bytes,
        CpuBackend.block_size,
        packing.n_bytes,
        encoder_length or 0,
    )
    batched_tokens = max_batched_tokens or DEFAULT_BATCHED_TOKENS
    opening = Background(
        lambda: CpuBackend(
            graph,
            checkpoint.tensors,
            threads=threads,
            n_blocks=n_blocks,
            kv_dtype=kv_dtype,
            max_batched_tokens=max(batched_tokens, encoder_length or 0),  # an encoder's input is not cut
            quantize_to=packing.quantize_to,
        )
    )
    # While the weights are packed: each of the two is a tenth of the time to a first answer.
    import llmagentos.calls  # noqa: F401  (for later)
    from llmagentos.adapters import Adapters
    from llmagentos.engine.engine import Engine, EngineConfig
    from llmagentos.engine.native_sampler import NativeSampler
    from llmagentos.models.lora import AdapterBase

    try:
        backend = opening.result()
    except OutOfMemoryError as error:
        one_context = -(-context // CpuBackend.block_size) * block_bytes
        raise OutOfMemoryError(
            f"{error}: the weights take {packing.n_bytes} bytes, the KV cache {n_blocks * block_bytes} "
            f"(kv_cache_bytes; one context of {context} tokens takes {one_context}), and working memory grows with "
            f"max_batched_tokens={batched_tokens}; {_available()}"
        ) from error
    info = replace(
        _info(checkpoint, name, context, backend, packing),
        kv_cache_bytes=n_blocks * block_bytes,
        encoder_length=encoder_length,
    )
    config = EngineConfig(
        context_length=context,
        max_batched_tokens=batched_tokens,
        max_running=max_running or DEFAULT_RUNNING,
        max_queued=max_queued or DEFAULT_QUEUED,
        prefix_cache=prefix_cache,
        inter_token_target=inter_token_target,
        on_event=on_event,
        encoder_length=encoder_length,
        can_be_longer=context < trained or checkpoint.has_relative_positions,
    )
    proposer = _open_proposer(speculation, draft_model, checkpoint.tokenizer, threads, kv_dtype, info.kv_cache_bytes)
    sampler = NativeSampler(backend.pool, checkpoint.tokenizer, checkpoint.missing_ids)
    engine = Engine(backend, sampler, config, proposer)
    decoding = checkpoint.decoding if checkpoint.is_encoder_decoder else None
    adapters = Adapters(engine, AdapterBase.of(checkpoint))
    return LocalModel(engine, checkpoint.tokenizer, checkpoint.chat_template, default_params, info, adapters, decoding)


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


def _check_of_use(
    name: str,
    kv_cache_bytes: int | None,
    max_running: int | None,
    max_queued: int | None,
    inter_token_target: float | None,
    draft_model: object,
    on_event: object,
) -> None:
    """That no setting was given that has no meaning for a model that does not generate."""
    given = {
        "kv_cache_bytes": kv_cache_bytes,
        "max_running": max_running,
        "max_queued": max_queued,
        "inter_token_target": inter_token_target,
        "draft_model": draft_model,
        "on_event": on_event,
    }
    for argument, value in given.items():
        if value is not None:
            raise InvalidRequestError(
                f"{argument}={shown(value)} is of no use: {name} makes vectors of texts, and has no requests to run"
            )


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


def _check_speculation(speculation: object, draft_model: object) -> None:
    if speculation not in SPECULATION:
        domain = f"one of {', '.join(SPECULATION)}"
        raise InvalidRequestError(f"speculation={shown(speculation)} is not valid: it must be {domain}")
    if draft_model is not None:
        check_is_name(draft_model, "draft_model")
        if speculation == "off":
            raise InvalidRequestError(f'draft_model={shown(draft_model)} is of no use with speculation="off"')


def _open_proposer(
    speculation: str,
    draft_model: str | os.PathLike[str] | None,
    tokenizer: Tokenizer,
    threads: int | None,
    kv_dtype: str,
    kv_cache_bytes: int,
) -> Proposer | None:
    """What makes drafts: a second model where there is one, else the text itself.

    A second model gets a quarter of the KV cache's size for its own, on top.
    """
    if speculation == "off":
        return None
    if draft_model is None:
        from llmagentos.engine.ngram_proposer import NgramProposer

        return NgramProposer()
    from llmagentos.engine.draft_model import DraftModelProposer

    drafting = open_local_model(
        draft_model,
        task="generate",
        threads=threads,
        context_length=None,
        kv_cache_bytes=kv_cache_bytes // 4,
        kv_dtype=kv_dtype,
        max_batched_tokens=None,
        max_running=None,
        max_queued=None,
        prefix_cache=True,
        inter_token_target=None,
        speculation="off",
        draft_model=None,
        on_event=None,
    )
    assert isinstance(drafting, LocalModel)  # noqa: S101  (what the task says)
    difference = _difference(tokenizer, drafting.tokenizer)
    reason = None if difference is None else f"its vocabulary must be the model's, but {difference}"
    if drafting.decoding is not None:
        reason = "it has an encoder"
    if reason is not None:
        drafting.engine.close()
        raise InvalidRequestError(f"draft_model={shown(draft_model)} is not valid: {reason}")
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


def check_task(task: object) -> None:
    if task not in (None, *TASKS):
        raise InvalidRequestError(f"task={shown(task)} is not valid: it must be None or one of {', '.join(TASKS)}")


def check_is_name(model: object, argument: str = "model") -> None:
    name = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    if not isinstance(name, str) or not name:  # a path object may also stand for bytes
        raise InvalidRequestError(
            f"{argument}={shown(model)} is not valid: it must be a name, or the path of a .gguf file or a folder"
        )
