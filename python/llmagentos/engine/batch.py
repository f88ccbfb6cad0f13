"""A step's requests as the backend's ragged batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.scheduler import Scheduled


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, and whom its rows of logits belong to.

    Attributes:
        batch: what the backend runs. Its logit rows are first one for each of `sampled`, then the chunks of `scored`.
        chunks: all of the batch.
        sampled: those whose last known token is in the batch.
        scored: chunks of texts being scored.
    """

    batch: RaggedBatch
    chunks: Sequence[Scheduled]
    sampled: list[Scheduled]
    scored: list[Scheduled]


def build_step(chunks: Sequence[Scheduled]) -> Step:
    """Lay the chunks out one after the other."""
    # Plain lists: a step of decoding has few tokens, and calls into numpy would take longer than they save.
    starts, token_ids, positions = [0], list[int](), list[int]()
    block_tables = np.full((len(chunks), max(len(chunk.request.blocks) for chunk in chunks)), -1, np.int32)
    sampled, scored = [], []
    sampled_rows: list[int] = []
    scored_rows: list[int] = []
    for index, chunk in enumerate(chunks):
        request, first, last = chunk.request, starts[-1], starts[-1] + chunk.n_tokens
        begin, end = request.n_computed, request.n_computed + chunk.n_tokens
        starts.append(last)
        token_ids += request.token_ids[begin:end]
        positions += range(begin, end)
        block_tables[index, : len(request.blocks)] = request.blocks
        if request.scores is not None:
            scored.append(chunk)
            scored_rows.extend(range(first, last))
        elif chunk.reaches_end:
            sampled.append(chunk)
            sampled_rows.append(last - 1)
    batch = RaggedBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=np.array(positions, np.int32),
        sequence_starts=np.array(starts, np.int32),
        block_tables=block_tables,
        logit_rows=np.array(sampled_rows + scored_rows, np.int32),
    )
    return Step(batch, chunks, sampled, scored)
