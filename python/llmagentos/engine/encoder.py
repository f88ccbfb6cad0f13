"""Texts to vectors: whole texts in batches, one vector of each. There is nothing to schedule and nothing to keep."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import Backend, RaggedBatch, adapters_of
from llmagentos.engine.exits import close_at_exit
from llmagentos.engine.forks import Origin
from llmagentos.engine.row_pooling import pooled
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

if TYPE_CHECKING:
    from llmagentos.models.lora import LowRank


@dataclass(frozen=True, slots=True)
class TokenText:
    """One text, or two that the model reads together.

    Attributes:
        token_ids: at least one.
        token_types: of each token, for a model that tells two texts apart by them; empty stands for zeros.
    """

    token_ids: Sequence[int]
    token_types: Sequence[int] = ()


class Encoder:
    """Runs whole texts on a backend whose graph pools their rows. Any number of threads may call it, in turns.

    Args:
        backend: one run of it holds the longest text.
        last_row: whether the graph reads a text's last row; otherwise it reads the first, or all.
        modes: what is made of all rows, which the graph gives then (row_pooling.py); none where it pools them itself.
        max_batched_tokens: tokens of a batch; a single text may have more.
    """

    def __init__(self, backend: Backend, *, last_row: bool, max_batched_tokens: int, modes: Sequence[str] = ()) -> None:
        self._backend = backend
        self._last_row = last_row
        self._modes = modes
        self._max_tokens = max_batched_tokens
        self._origin = Origin()
        self._lock = threading.Lock()
        self._is_closed = False
        self._users = Counter[int]()  # calls under way, by each adapter that is loaded
        close_at_exit(self)

    def run(
        self,
        texts: Sequence[TokenText],
        adapter: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> NDArray[np.float32]:
        """The vectors of the texts, float32 [n, width]. They do not depend on what is computed beside them.

        Args:
            adapter: the number of the adapter that computes them, or None.
            progress: called after each batch, with the tokens that are done and all.

        Raises:
            LLMAgentOSError: the encoder is closed, or another process's.
            InvalidRequestError: the adapter was unloaded.
        """
        self._origin.check()
        # Long ones first: what is left at the end fits into the gaps.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index].token_ids))
        vectors = np.empty((len(texts), self._backend.vocab_size * max(1, len(self._modes))), np.float32)
        n_done, n_tokens = 0, sum(len(text.token_ids) for text in texts)
        with self._using(adapter):
            for indices in self._batches(order, texts):
                with self._lock:
                    self.check_open()
                    rows = self._backend.run(self._batch([texts[index] for index in indices], adapter))
                    lengths = [len(texts[index].token_ids) for index in indices]
                    vectors[indices] = pooled(rows, lengths, self._modes) if self._modes else rows
                n_done += sum(lengths)
                if progress is not None:
                    progress(n_done, n_tokens)
        return vectors

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        """Take an adapter on for calls to name; see `Backend.load_adapter`."""
        self._origin.check()
        with self._lock:
            self.check_open()
            adapter = self._backend.load_adapter(changes)
            self._users[adapter] = 0
            return adapter

    def unload_adapter(self, adapter: int) -> None:
        """Free an adapter's memory.

        Raises:
            InvalidRequestError: a call under way uses it.
        """
        self._origin.check()
        with self._lock:
            self.check_open()
            if self._users[adapter]:
                raise InvalidRequestError(f"is in use by calls under way, {self._users[adapter]} of them: let them end")
            del self._users[adapter]
            self._backend.unload_adapter(adapter)

    @contextmanager
    def _using(self, adapter: int | None) -> Iterator[None]:
        """Keeps the adapter from being unloaded."""
        if adapter is None:
            yield
            return
        with self._lock:
            if adapter not in self._users:
                raise InvalidRequestError("the adapter was unloaded before the texts were computed")
            self._users[adapter] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[adapter] -= 1

    def check_open(self) -> None:
        """Check that nobody has called close().

        Raises:
            LLMAgentOSError: somebody has.
        """
        if self._is_closed:
            raise LLMAgentOSError("this model is closed; load it again")

    def close(self) -> None:
        """Give all memory back, once the batch under way is through."""
        if self._origin.is_forked:
            return
        self._is_closed = True  # before the lock, which a call of many batches may take again and again
        with self._lock:
            self._backend.close()

    def _batches(self, order: Sequence[int], texts: Sequence[TokenText]) -> Iterator[list[int]]:
        """The indices of the texts in batches, as many as tokens and blocks allow."""
        batch, n_tokens, n_blocks = list[int](), 0, 0
        for index in order:
            length = len(texts[index].token_ids)
            blocks = -(-length // self._backend.block_size)
            if batch and (n_tokens + length > self._max_tokens or n_blocks + blocks > self._backend.n_blocks):
                yield batch
                batch, n_tokens, n_blocks = [], 0, 0
            batch.append(index)
            n_tokens, n_blocks = n_tokens + length, n_blocks + blocks
        if batch:
            yield batch

    def _batch(self, texts: Sequence[TokenText], adapter: int | None) -> RaggedBatch:
        lengths = np.array([len(text.token_ids) for text in texts], np.int32)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        blocks = -(-lengths // self._backend.block_size)
        ends = np.cumsum(blocks)
        places = np.arange(blocks.max())
        tables = np.where(places < blocks[:, None], (ends - blocks)[:, None] + places, -1)
        return RaggedBatch(
            token_ids=np.fromiter((id for text in texts for id in text.token_ids), np.int32, starts[-1]),
            positions=np.arange(starts[-1], dtype=np.int32) - np.repeat(starts[:-1], lengths),
            sequence_starts=starts,
            block_tables=tables.astype(np.int32),
            logit_rows=self._rows(starts),
            token_types=_types(texts, starts[-1]),
            adapters=adapters_of([adapter] * len(texts)),
        )

    def _rows(self, starts: NDArray[np.int32]) -> NDArray[np.int32]:
        """Of the texts that begin there: those that the graph reads."""
        if self._modes:
            return np.arange(starts[-1], dtype=np.int32)
        return starts[1:] - 1 if self._last_row else starts[:-1]


def _types(texts: Sequence[TokenText], n_tokens: int) -> NDArray[np.int32] | None:
    if not any(text.token_types for text in texts):
        return None
    all_types = (kind for text in texts for kind in text.token_types or [0] * len(text.token_ids))
    return np.fromiter(all_types, np.int32, n_tokens)
