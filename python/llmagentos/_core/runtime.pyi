from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.formats import GgufFile
from llmagentos._core.graph import Graph

BLOCK_SIZE: int
"""Tokens per block of the KV cache."""

class ThreadPool:
    """A pool of threads; None takes one per CPU this process may use (affinity and cgroup quota)."""

    def __init__(self, threads: int | None = None) -> None: ...
    @property
    def size(self) -> int: ...

class Machine(TypedDict):
    cpu: str
    isas: list[str]
    isa: str
    usable_cpus: int

def machine() -> Machine:
    """The CPU's name, the instruction sets with kernels here (best first), the chosen one, and the usable CPUs.

    Raises InvalidRequestError when the environment's LLMAGENTOS_ISA names one that is not available.
    """

def usable_cpus() -> int:
    """The CPUs that this process may use, by its affinity and its control group's quota."""

def handled_signals(numbers: Sequence[int]) -> list[tuple[int, bool]]:
    """Those of the signals that this process has a handler for, in C or in Python.

    With each whether system calls go on after the handler, as `signal.siginterrupt(number, False)` has it.
    """

def kv_block_bytes(graph: Graph, kv_dtype: str = "f16") -> int:
    """Bytes of one block of the KV cache for this model."""

class Executor:
    """A compiled graph with packed weights and a KV cache.

    Tensors are those of a file, or (name, weight format, shape, function that gives the bytes) of each; the function
    also says whether they are a mapped file's, whose pages are then given back. `quantize_to` has weight formats, by
    tensor, that matrices of floats become while they are packed.

    Raises:
        InvalidRequestError: a graph without output, unknown kv_dtype or ISA, sizes below 1, bytes that are not those of
            a tensor's shape.
        UnsupportedModelError: a tensor is missing or has another shape than the graph's.
        OutOfMemoryError: the system gave no more memory.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: GgufFile | Sequence[tuple[str, str, tuple[int, ...], Callable[[], tuple[NDArray[Any], bool]]]],
        pool: ThreadPool,
        *,
        max_tokens: int,
        n_blocks: int,
        kv_dtype: str = "f16",
        isa: str = "",
        fuse: bool = True,
        quantize_to: Mapping[str, str] = {},
    ) -> None: ...
    def run(
        self,
        token_ids: NDArray[np.int32],
        positions: NDArray[np.int32],
        sequence_starts: NDArray[np.int32],
        block_tables: NDArray[np.int32],
        logit_rows: NDArray[np.int32],
        *,
        token_types: NDArray[np.int32] | None = None,
        adapters: NDArray[np.int32] | None = None,
        is_encoder: bool = False,
        cross_block_tables: NDArray[np.int32] | None = None,
        cross_lengths: NDArray[np.int32] | None = None,
        aside: tuple[float, float] | None = None,
    ) -> NDArray[np.float32]:
        """The output [R, output_width], a view that the next run overwrites. Shapes as in backends.RaggedBatch.

        With `aside` it then goes on with the batch that was set aside: until so many seconds after the call began (the
        first number), but for at least as many after its own batch was done (the second).
        """

    def begin_aside(
        self,
        token_ids: NDArray[np.int32],
        positions: NDArray[np.int32],
        sequence_starts: NDArray[np.int32],
        block_tables: NDArray[np.int32],
        logit_rows: NDArray[np.int32],
        *,
        token_types: NDArray[np.int32] | None = None,
        adapters: NDArray[np.int32] | None = None,
        is_encoder: bool = False,
        cross_block_tables: NDArray[np.int32] | None = None,
        cross_lengths: NDArray[np.int32] | None = None,
    ) -> None:
        """Set a batch aside, to be computed piece by piece beside the next runs. The one before is forgotten."""

    def finish_aside(self) -> None:
        """Compute all that is left of it."""

    @property
    def aside_output(self) -> NDArray[np.float32] | None:
        """Its output [R, output_width], a view that the next one overwrites; None while it is not done."""

    @property
    def seconds(self) -> float:
        """What the last run's own batch took."""

    def load_adapter(self, factors: Sequence[tuple[str, NDArray[np.float32], NDArray[np.float32]]]) -> int:
        """Copy (weight, a [rank, columns], b [rows, rank]) of each weight that an adapter changes by b a.

        Returns the number that batches name it by.

        Raises:
            UnsupportedModelError: no linear layer has the weight.
            InvalidRequestError: factors of other shapes.
        """

    def unload_adapter(self, id: int) -> None:
        """Free its memory; raises InvalidRequestError where there is none."""

    @property
    def adapter_bytes(self) -> int:
        """Memory that adapters take."""

    def observe_inputs(self) -> None:
        """From the next run on, sum the squares of what linear layers and experts read."""

    def input_squares(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """By weight: the sums of its columns [n_matrices, n_columns], and the rows [n_matrices] that they are of.

        Of experts there are several matrices, of other weights one. Empty without observe_inputs().
        """

    def copy_blocks(self, from_to: Sequence[tuple[int, int]]) -> None:
        """Copy whole blocks of the cache, one pair after the other."""

    @property
    def isa(self) -> str: ...
    @property
    def output_width(self) -> int:
        """The vocabulary's size, or that of an embedding."""

    @property
    def max_tokens(self) -> int: ...
    @property
    def n_blocks(self) -> int: ...
    @property
    def weight_bytes(self) -> int:
        """Memory that the packed weights take."""
