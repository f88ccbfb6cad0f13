"""A step's requests as the backend's ragged batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import CrossAttention, RaggedBatch, adapters_of
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.request import Request
from llmagentos.engine.schedule import Scheduled


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, and whom its rows of logits belong to.

    Attributes:
        batch: what the backend runs. Its logit rows are first those of `sampling`, then those of `scored`.
        chunks: all of the batch.
        sampling: chunks that compute a last known token. Each has a row for it and one for each of its drafts.
        n_sampled_rows: rows of `sampling`.
        sampled: who gets a token from which row on: each of `sampling` but beams, with the completions that begin from
            it.
        drafts: of each request that has some.
        searched: the beams of `sampling`, and their rows.
        scored: chunks with rows of their prompts to score, one for each of `Scheduled.scored`, and the first of them.
    """

    batch: RaggedBatch
    chunks: Sequence[Scheduled]
    sampling: list[Scheduled]
    n_sampled_rows: int
    sampled: list[tuple[int, Request]]
    drafts: dict[Request, tuple[int, ...]]
    searched: list[tuple[int, Request]]
    scored: list[tuple[int, Scheduled]]

    def of(self, chunks: Sequence[Scheduled]) -> Step:
        """The same batch, of which nobody but the requests of these chunks gets anything."""
        own = set(chunks)
        takers = {one for chunk in chunks for one in (chunk.request, *chunk.request.followers)}
        return replace(
            self,
            chunks=chunks,
            sampling=[chunk for chunk in self.sampling if chunk in own],
            sampled=[(row, one) for row, one in self.sampled if one in takers],
            searched=[(row, one) for row, one in self.searched if one in takers],
            scored=[(row, chunk) for row, chunk in self.scored if chunk in own],
        )


def build_step(chunks: Sequence[Scheduled], copies: Sequence[tuple[int, int]] = ()) -> Step:
    """Lay the chunks out one after the other, for a batch that first copies blocks."""
    # Plain lists: a step of decoding has few tokens, and calls into numpy would take longer than they save.
    starts, token_ids, positions = [0], list[int](), list[int]()
    sampling, scored = list[Scheduled](), list[tuple[int, Scheduled]]()
    sampled, searched = list[tuple[int, Request]](), list[tuple[int, Request]]()
    sampled_rows, scored_rows = list[int](), list[int]()
    drafts = {chunk.request: chunk.drafts for chunk in chunks if chunk.drafts}
    for chunk in chunks:
        request, first, last = chunk.request, starts[-1], starts[-1] + chunk.n_tokens
        begin, end, n_drafts = request.n_computed, request.n_computed + chunk.n_tokens, len(chunk.drafts)
        starts.append(last + n_drafts)
        token_ids += request.token_ids[begin:end]
        token_ids += chunk.drafts
        positions += range(begin, end + n_drafts)
        if chunk.scored:
            scored.append((len(scored_rows), chunk))
            scored_rows += [first + position - begin for position in chunk.scored]
        if chunk.samples:
            takers = sampled if request.group is None else searched
            takers += [(len(sampled_rows), one) for one in (request, *request.followers)]
            sampling.append(chunk)
            sampled_rows += range(last - 1, last + n_drafts)
    batch = RaggedBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=np.array(positions, np.int32),
        sequence_starts=np.array(starts, np.int32),
        block_tables=_table([chunk.request.blocks for chunk in chunks]),
        logit_rows=np.array(sampled_rows + scored_rows, np.int32),
        block_copies=copies,
        cross=_cross_attention([chunk.request for chunk in chunks]),
        adapters=adapters_of([chunk.request.service.adapter for chunk in chunks]),
    )
    scored = [(len(sampled_rows) + row, chunk) for row, chunk in scored]
    return Step(batch, chunks, sampling, len(sampled_rows), sampled, drafts, searched, scored)


def encoder_batch(inputs: Sequence[EncoderInput]) -> RaggedBatch:
    """Inputs one after the other, for the encoder."""
    lengths = [len(one.token_ids) for one in inputs]
    return RaggedBatch(
        token_ids=np.concatenate([np.array(one.token_ids, np.int32) for one in inputs]),
        positions=np.concatenate([np.arange(length, dtype=np.int32) for length in lengths]),
        sequence_starts=np.cumsum([0, *lengths], dtype=np.int32),
        block_tables=_table([one.blocks for one in inputs]),
        logit_rows=np.zeros(0, np.int32),
        is_encoder=True,
        adapters=adapters_of([one.adapter for one in inputs]),
    )


def _cross_attention(requests: Sequence[Request]) -> CrossAttention | None:
    inputs = [request.encoder for request in requests if request.encoder is not None]
    if not inputs:
        return None
    lengths = np.array([len(one.token_ids) for one in inputs], np.int32)
    return CrossAttention(_table([one.blocks for one in inputs]), lengths)


def _table(blocks: Sequence[list[int]]) -> NDArray[np.int32]:
    """Blocks of sequences as rows, -1 behind their ends."""
    table = np.full((len(blocks), max(map(len, blocks))), -1, np.int32)
    for row, owned in zip(table, blocks, strict=True):
        row[: len(owned)] = owned
    return table
