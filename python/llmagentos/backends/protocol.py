"""What the engine asks of a backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import ThreadPool


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

    def run(self, batch: RaggedBatch) -> NDArray[np.float32]:
        """Logits [R, vocab_size], valid until the next run.

        Raises:
            InvalidRequestError: the batch does not fit; nothing has changed then.
        """

    def close(self) -> None:
        """Give all memory back. No run may follow."""
