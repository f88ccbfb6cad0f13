"""A step's requests as the backend's ragged batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.request import Request
from llmagentos.engine.scheduler import Schedule, Scheduled


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, and whom its rows of logits belong to.

    Attributes:
        batch: what the backend runs. Its logit rows are first one for each of `sampling`, then those of `scored`.
        chunks: all of the batch.
        sampling: chunks that compute a last known token.
        sampled: who gets a token from which row: each of `sampling` but beams, with the completions that begin from it.
        searched: the beams of `sampling`, and their rows.
        scored: chunks with rows of their prompts to score, one for each of `Scheduled.scored`.
    """

    batch: RaggedBatch
    chunks: list[Scheduled]
    sampling: list[Scheduled]
    sampled: list[tuple[int, Request]]
    searched: list[tuple[int, Request]]
    scored: list[Scheduled]


def build_step(schedule: Schedule) -> Step:
    """Lay the chunks out one after the other."""
    # Plain lists: a step of decoding has few tokens, and calls into numpy would take longer than they save.
    chunks = schedule.chunks
    starts, token_ids, positions = [0], list[int](), list[int]()
    block_tables = np.full((len(chunks), max(len(chunk.request.blocks) for chunk in chunks)), -1, np.int32)
    sampling, scored = list[Scheduled](), list[Scheduled]()
    sampled, searched = list[tuple[int, Request]](), list[tuple[int, Request]]()
    sampled_rows, scored_rows = list[int](), list[int]()
    for index, chunk in enumerate(chunks):
        request, first, last = chunk.request, starts[-1], starts[-1] + chunk.n_tokens
        begin, end = request.n_computed, request.n_computed + chunk.n_tokens
        starts.append(last)
        token_ids += request.token_ids[begin:end]
        positions += range(begin, end)
        block_tables[index, : len(request.blocks)] = request.blocks
        if chunk.scored:
            scored.append(chunk)
            scored_rows += [first + position - begin for position in chunk.scored]
        if chunk.samples:
            takers = sampled if request.group is None else searched
            takers += [(len(sampling), one) for one in (request, *request.followers)]
            sampling.append(chunk)
            sampled_rows.append(last - 1)
    batch = RaggedBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=np.array(positions, np.int32),
        sequence_starts=np.array(starts, np.int32),
        block_tables=block_tables,
        logit_rows=np.array(sampled_rows + scored_rows, np.int32),
        block_copies=schedule.copies,
    )
    return Step(batch, chunks, sampling, sampled, searched, scored)
