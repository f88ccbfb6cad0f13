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
    starts = np.zeros(len(chunks) + 1, np.int32)
    np.cumsum([chunk.n_tokens for chunk in chunks], out=starts[1:])
    token_ids = np.empty(starts[-1], np.int32)
    positions = np.empty(starts[-1], np.int32)
    block_tables = np.full((len(chunks), max(len(chunk.request.blocks) for chunk in chunks)), -1, np.int32)
    sampled, scored = [], []
    sampled_rows: list[int] = []
    scored_rows: list[int] = []
    for index, chunk in enumerate(chunks):
        request, first, last = chunk.request, int(starts[index]), int(starts[index + 1])
        begin, end = request.n_computed, request.n_computed + chunk.n_tokens
        token_ids[first:last] = request.token_ids[begin:end]
        positions[first:last] = np.arange(begin, end)
        block_tables[index, : len(request.blocks)] = request.blocks
        if request.scores is not None:
            scored.append(chunk)
            scored_rows.extend(range(first, last))
        elif chunk.reaches_end:
            sampled.append(chunk)
            sampled_rows.append(last - 1)
    logit_rows = np.array(sampled_rows + scored_rows, np.int32)
    return Step(RaggedBatch(token_ids, positions, starts, block_tables, logit_rows), chunks, sampled, scored)
