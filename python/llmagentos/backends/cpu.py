"""The C++ executor as a backend."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.graph import Graph
from llmagentos._core.runtime import BLOCK_SIZE, Executor, ThreadPool, kv_block_bytes
from llmagentos.backends.protocol import AsideTime, RaggedBatch
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.formats.tensors import Tensors

if TYPE_CHECKING:
    from llmagentos.models.lora import LowRank


class CpuBackend:
    """A graph and its packed weights on this machine's cores.

    Args:
        graph: the model.
        tensors: its weights; they are packed here and their mapped pages dropped.
        threads: None takes the CPUs this process may use.
        n_blocks: blocks of 32 tokens in the KV cache. Memory is taken as blocks are first written.
        kv_dtype: "f16", "f32" or "int8".
        max_batched_tokens: tokens one run may hold.
        quantize_to: weight formats, by tensor, that matrices of floats become while they are packed.
        observe_inputs: whether what linear layers and experts read is summed for `input_squares`.

    Raises:
        InvalidRequestError: a setting outside its domain.
        UnsupportedModelError: a tensor is missing or has another shape than the architecture's.
        OutOfMemoryError: the system gave no more memory.
    """

    block_size = BLOCK_SIZE

    def __init__(
        self,
        graph: Graph,
        tensors: Tensors,
        *,
        threads: int | None = None,
        n_blocks: int,
        kv_dtype: str = "f16",
        max_batched_tokens: int = 512,
        quantize_to: Mapping[str, str] = MappingProxyType({}),
        observe_inputs: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise InvalidRequestError(f"threads={threads} is not valid: it must be at least 1, or None")
        self.pool = ThreadPool(threads)
        self.n_blocks = n_blocks
        self.max_batched_tokens = max_batched_tokens
        self._executor: Executor | None = Executor(
            graph,
            tensors.native(),
            self.pool,
            max_tokens=max_batched_tokens,
            n_blocks=n_blocks,
            kv_dtype=kv_dtype,
            quantize_to=quantize_to,
        )
        if observe_inputs:
            self._executor.observe_inputs()
        self.vocab_size = self._executor.output_width
        self.isa = self._executor.isa
        self.weight_bytes = self._executor.weight_bytes

    @staticmethod
    def kv_block_bytes(graph: Graph, kv_dtype: str = "f16") -> int:
        """Bytes of KV cache per block of 32 tokens."""
        return kv_block_bytes(graph, kv_dtype)

    def run(self, batch: RaggedBatch, aside: AsideTime | None = None) -> NDArray[np.float32]:
        executor = self._open()
        if batch.block_copies:
            executor.copy_blocks(batch.block_copies)
        time = None if aside is None else (aside.until, aside.at_least)
        return executor.run(*_required(batch), **_optional(batch), aside=time)

    @property
    def batch_seconds(self) -> float:
        return self._open().seconds

    def begin_aside(self, batch: RaggedBatch) -> None:
        executor = self._open()
        if batch.block_copies:
            executor.copy_blocks(batch.block_copies)
        executor.begin_aside(*_required(batch), **_optional(batch))

    def finish_aside(self) -> None:
        self._open().finish_aside()

    @property
    def aside_logits(self) -> NDArray[np.float32] | None:
        return self._open().aside_output

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        return self._open().load_adapter([(name, change.a, change.b) for name, change in changes.items()])

    def unload_adapter(self, adapter: int) -> None:
        self._open().unload_adapter(adapter)

    @property
    def adapter_bytes(self) -> int:
        """Memory that adapters take."""
        return 0 if self._executor is None else self._executor.adapter_bytes

    def input_squares(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """By weight: the sums of squares of its columns' inputs [n_matrices, n_columns], and the rows [n_matrices]."""
        return self._open().input_squares()

    def close(self) -> None:
        self._executor = None

    def _open(self) -> Executor:
        if self._executor is None:
            raise LLMAgentOSError("the model is closed")
        return self._executor


class _Optional(TypedDict):
    is_encoder: bool
    cross_block_tables: NDArray[np.int32] | None
    cross_lengths: NDArray[np.int32] | None
    token_types: NDArray[np.int32] | None
    adapters: NDArray[np.int32] | None


def _required(batch: RaggedBatch) -> tuple[NDArray[np.int32], ...]:
    return batch.token_ids, batch.positions, batch.sequence_starts, batch.block_tables, batch.logit_rows


def _optional(batch: RaggedBatch) -> _Optional:
    cross = batch.cross
    return {
        "is_encoder": batch.is_encoder,
        "cross_block_tables": None if cross is None else cross.block_tables,
        "cross_lengths": None if cross is None else cross.lengths,
        "token_types": batch.token_types,
        "adapters": batch.adapters,
    }
