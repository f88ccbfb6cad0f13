"""From a checkpoint that makes vectors of texts to what computes them."""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos.backends.cpu import CpuBackend
from llmagentos.calls.adapters import Adapters
from llmagentos.calls.text_encoder import TextEncoder
from llmagentos.engine.encoder import Encoder
from llmagentos.errors import InvalidRequestError
from llmagentos.formats.checkpoint import Checkpoint, Pooling
from llmagentos.models import build_graph
from llmagentos.models.lora import AdapterBase
from llmagentos.models.pooling import vector_settings
from llmagentos.quantization.load import Packing, packing_of

# Working memory of larger batches no longer fits the caches; smaller ones wait for each other more often.
DEFAULT_BATCHED_TOKENS = 512
_TOKENS_PER_BLOCK = 8  # short texts leave most of a block empty: there is one for so many of a batch's tokens


@dataclass(frozen=True, slots=True)
class OpenedEncoder:
    """An encoder of texts, what it runs on, and how its weights are packed."""

    encoder: TextEncoder
    backend: CpuBackend
    packing: Packing


def open_text_encoder(
    checkpoint: Checkpoint,
    pooling: Pooling,
    name: str,
    *,
    threads: int | None,
    context_length: int | None,
    max_batched_tokens: int | None,
    mix: str | None,
) -> OpenedEncoder:
    """Build and pack. Arguments and errors are those of `LLM`.

    Keys and values are float32: they live for one batch, so there is no memory to be spared.
    """
    settings = vector_settings(checkpoint)
    if context_length is not None and context_length > checkpoint.context_length:
        raise InvalidRequestError(
            f"context_length={context_length} is not valid: this model was trained for at most "
            f"{checkpoint.context_length} tokens"
        )
    context = context_length or checkpoint.context_length
    budget = max_batched_tokens or DEFAULT_BATCHED_TOKENS
    max_length = min(context, settings.max_length or context)
    size = max(budget, max_length)  # a text is computed whole, whatever the budget
    graph = build_graph(checkpoint)
    packing = packing_of(checkpoint, mix)
    backend = CpuBackend(
        graph,
        checkpoint.tensors,
        threads=threads,
        n_blocks=-(-size // _TOKENS_PER_BLOCK),
        kv_dtype="f32",
        max_batched_tokens=size,
        quantize_to=packing.quantize_to,
    )
    encoder = Encoder(backend, last_row=pooling.rows == "last", modes=pooling.modes, max_batched_tokens=budget)
    adapters = Adapters(encoder, AdapterBase.of(checkpoint))
    made = TextEncoder(
        encoder,
        adapters,
        checkpoint.tokenizer,
        settings,
        is_classifier=pooling.is_classifier,
        max_length=max_length,
        name=name,
    )
    return OpenedEncoder(made, backend, packing)
