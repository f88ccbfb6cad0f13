"""Batches of whole texts, on a backend that notes what it is given."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmagentos import LLMAgentOSError
from llmagentos._core.runtime import ThreadPool
from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.encoder import Encoder, TokenText


class NotingBackend:
    """Gives for each text the sum of its ids, of its types, and the id of the row asked for."""

    vocab_size = 3
    block_size = 4

    def __init__(self, n_blocks: int, max_batched_tokens: int) -> None:
        self.n_blocks, self.max_batched_tokens = n_blocks, max_batched_tokens
        self.pool = ThreadPool(1)
        self.batches: list[RaggedBatch] = []
        self.is_closed = False

    def run(self, batch: RaggedBatch) -> NDArray[np.float32]:
        self.batches.append(batch)
        starts = batch.sequence_starts
        types = np.zeros_like(batch.token_ids) if batch.token_types is None else batch.token_types
        sums = [np.add.reduceat(values, starts[:-1]) for values in (batch.token_ids, types)]
        return np.stack([*sums, batch.token_ids[batch.logit_rows]], axis=1).astype(np.float32)

    def close(self) -> None:
        self.is_closed = True


TEXTS = st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=20), max_size=12)


@settings(deadline=None)
@given(texts=TEXTS, budget=st.integers(1, 40), last_row=st.booleans())
def test_batches_hold_whole_texts_and_each_gets_its_own_vector(
    texts: list[list[int]], budget: int, last_row: bool
) -> None:
    backend = NotingBackend(n_blocks=7, max_batched_tokens=max(budget, 20))
    encoder = Encoder(backend, last_row=last_row, max_batched_tokens=budget)
    vectors = encoder.run([TokenText(ids) for ids in texts])
    rows = [[sum(ids), 0, ids[-1 if last_row else 0]] for ids in texts]
    np.testing.assert_array_equal(vectors, np.array(rows, np.float32).reshape(-1, 3))
    lengths = [np.diff(batch.sequence_starts).tolist() for batch in backend.batches]
    assert [n for batch in lengths for n in batch] == sorted((len(ids) for ids in texts), reverse=True)
    for batch, batch_lengths in zip(backend.batches, lengths, strict=True):
        assert sum(batch_lengths) <= budget or len(batch_lengths) == 1
        blocks = batch.block_tables[batch.block_tables >= 0]
        assert len(set(blocks.tolist())) == len(blocks) <= backend.n_blocks
        owned = (batch.block_tables >= 0).sum(axis=1)
        np.testing.assert_array_equal(owned, [-(-n // backend.block_size) for n in batch_lengths])
        np.testing.assert_array_equal(batch.positions, np.concatenate([np.arange(n) for n in batch_lengths]))


def test_types_are_given_where_a_text_has_them() -> None:
    backend = NotingBackend(n_blocks=4, max_batched_tokens=16)
    encoder = Encoder(backend, last_row=False, max_batched_tokens=16)
    vectors = encoder.run([TokenText([5, 6, 7], [0, 1, 1]), TokenText([8, 9])])
    np.testing.assert_array_equal(vectors, [[18, 2, 5], [17, 0, 8]])


def test_a_closed_encoder_gives_its_memory_back_and_says_so() -> None:
    backend = NotingBackend(n_blocks=4, max_batched_tokens=16)
    encoder = Encoder(backend, last_row=False, max_batched_tokens=16)
    encoder.close()
    assert backend.is_closed
    with pytest.raises(LLMAgentOSError, match="closed"):
        encoder.run([TokenText([1])])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_forked_during_a_batch_is_refused_and_never_waits() -> None:
    backend = NotingBackend(n_blocks=7, max_batched_tokens=20)
    encoder = Encoder(backend, last_row=True, max_batched_tokens=20)
    run, exit_codes = backend.run, list[int]()

    def fork(batch: RaggedBatch) -> NDArray[np.float32]:
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits
            code = 2
            try:
                encoder.run([TokenText([1])])
            except LLMAgentOSError as error:
                code = 0 if "forked" in str(error) else 3
            encoder.close()
            os._exit(code if not backend.is_closed else 4)
        exit_codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return run(batch)

    backend.run = fork  # type: ignore[method-assign]
    encoder.run([TokenText([1, 2])])
    assert exit_codes == [0]
