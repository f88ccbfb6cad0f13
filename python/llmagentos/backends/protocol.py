"""What the engine asks of a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import ThreadPool

if TYPE_CHECKING:
    from llmagentos.models.lora import LowRank


NO_ADAPTER = -1


@dataclass(frozen=True, slots=True)
class CrossAttention:
    """What each sequence of a decoder sees of an encoder's input.

    Attributes:
        block_tables: int32 [S, max_blocks], the blocks that an encoder's batch had for the input.
        lengths: int32 [S], its tokens.
    """

    block_tables: NDArray[np.int32]
    lengths: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class RaggedBatch:
    """One step's tokens, of any mix of sequences: prompt chunks and single continuations alike.

    The key and value of the token at position p of a sequence go to slot p % 32 of block `block_tables[s, p // 32]`;
    its attention sees positions 0..p of its own sequence. A batch for an encoder holds whole sequences, each token of
    which sees all; its blocks then hold what cross attention sees of them.

    Attributes:
        token_ids: int32 [T].
        positions: int32 [T], consecutive within a sequence.
        sequence_starts: int32 [S + 1], offsets into the T tokens.
        block_tables: int32 [S, max_blocks], -1 where a sequence has no block yet.
        logit_rows: int32 [R], the rows of T whose logits are wanted.
        block_copies: (from, to) blocks of the cache that are copied before anything else, in this order.
        is_encoder: whether the tokens are for the encoder of a model that has one. There are no logits then.
        cross: of a model with an encoder, in a batch for its decoder.
        token_types: int32 [T], of encoders that tell two texts apart; None stands for zeros.
        adapters: int32 [S], the number of each sequence's adapter, or NO_ADAPTER; None where no sequence has one.
    """

    token_ids: NDArray[np.int32]
    positions: NDArray[np.int32]
    sequence_starts: NDArray[np.int32]
    block_tables: NDArray[np.int32]
    logit_rows: NDArray[np.int32]
    block_copies: Sequence[tuple[int, int]] = ()
    is_encoder: bool = False
    cross: CrossAttention | None = None
    token_types: NDArray[np.int32] | None = None
    adapters: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class AsideTime:
    """For how long a run goes on with the batch aside.

    Attributes:
        until: seconds after the run began.
        at_least: seconds after its own batch was done, even where those are later.
    """

    until: float
    at_least: float


def adapters_of(numbers: Sequence[int | None]) -> NDArray[np.int32] | None:
    """Of the sequences of a batch, as `RaggedBatch.adapters` has them."""
    if all(number is None for number in numbers):
        return None
    return np.array([NO_ADAPTER if number is None else number for number in numbers], np.int32)


class Backend(Protocol):
    """A loaded model with its KV cache."""

    @property
    def vocab_size(self) -> int: ...
    @property
    def n_blocks(self) -> int:
        """Blocks of the KV cache."""

    @property
    def block_size(self) -> int:
        """Tokens per block."""

    @property
    def max_batched_tokens(self) -> int:
        """Tokens one run may hold."""

    @property
    def pool(self) -> ThreadPool:
        """The threads the sampler shares."""

    def run(self, batch: RaggedBatch, aside: AsideTime | None = None) -> NDArray[np.float32]:
        """Logits [R, vocab_size], valid until the next run; with `aside`, also goes on with the batch that is aside.

        Raises:
            InvalidRequestError: the batch does not fit, or nothing is aside; nothing has changed then.
        """

    @property
    def batch_seconds(self) -> float:
        """What the last run took for its own batch."""

    def begin_aside(self, batch: RaggedBatch) -> None:
        """Set a batch aside, to be computed piece by piece beside the next runs; the one before is forgotten.

        Until it is done, or forgotten by running without it from then on, nothing else may write to its blocks.

        Raises:
            InvalidRequestError: the batch does not fit.
        """

    def finish_aside(self) -> None:
        """Compute all that is left of the batch aside."""

    @property
    def aside_logits(self) -> NDArray[np.float32] | None:
        """Logits of the batch aside, valid until the next one; None while it is not done."""

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        """Copy changes of weights, by their names; returns a number for batches to name them by, never given before.

        Raises:
            UnsupportedModelError: no linear layer has a weight of a name.
            InvalidRequestError: a change of another shape than its weight's.
        """

    def unload_adapter(self, adapter: int) -> None:
        """Free the memory of one. No run may name it again.

        Raises:
            InvalidRequestError: there is none of this number.
        """

    def close(self) -> None:
        """Give all memory back. No run may follow."""
