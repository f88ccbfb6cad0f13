"""A model without weights: logits are a hash of the tokens that a row sees through its block table.

A wrong block table, a wrong position, a block with two owners or a token that was never fed changes the logits, and
with them every token that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.protocol import AsideTime, RaggedBatch
from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request
from llmagentos.engine.sampler import Continuation, Continuations


class FakeBackend:
    """Keeps (token, position) for each slot of each block, as a real backend keeps K and V."""

    def __init__(self, vocab_size: int = 260, n_blocks: int = 64, block_size: int = 32) -> None:
        self.vocab_size = vocab_size
        self.n_blocks = n_blocks
        self.block_size = block_size
        self.pool = None
        self.closed = False
        self.n_tokens_per_run: list[int] = []
        self.n_rows_per_run: list[int] = []
        self.n_tokens_aside: list[int] = []
        self.pieces_per_run = 1
        self.max_aside = 1 << 30
        self.is_aside_wanted: Callable[[], bool] = lambda: False  # whether it will be gone on with
        self.batch_seconds = 0.0
        self._aside: RaggedBatch | None = None
        self._n_written = 0
        self.before_run: Callable[[RaggedBatch], None] = lambda batch: None
        self._slots = np.random.default_rng(0).integers(0, 2**31, (n_blocks, block_size, 2))

    def run(self, batch: RaggedBatch, aside: AsideTime | None = None) -> NDArray[np.float32]:
        logits = self._run(batch)
        if aside is not None:
            self._advance_aside(self.pieces_per_run)
        return logits

    def _run(self, batch: RaggedBatch) -> NDArray[np.float32]:
        assert not self.closed
        self.before_run(batch)
        self.n_tokens_per_run.append(len(batch.token_ids))
        self.n_rows_per_run.append(len(batch.logit_rows))
        self._leave_aside_alone(batch)
        self._copy(batch)
        self._write(batch, slice(None))
        return self._all_logits(batch)

    def begin_aside(self, batch: RaggedBatch) -> None:
        """Token by token: each run beside it writes `pieces_per_run` of them."""
        assert len(batch.token_ids) <= self.max_aside
        self._copy(batch)
        self._aside, self._n_written = batch, 0
        self.n_tokens_aside.append(len(batch.token_ids))

    def finish_aside(self) -> None:
        self._advance_aside(1 << 30)

    @property
    def aside_logits(self) -> NDArray[np.float32] | None:
        batch = self._aside
        return None if batch is None or self._n_written < len(batch.token_ids) else self._all_logits(batch)

    def _advance_aside(self, n_tokens: int) -> None:
        assert self._aside is not None, "nothing is aside"
        self._write(self._aside, slice(self._n_written, self._n_written + n_tokens))
        self._n_written += n_tokens

    def _leave_aside_alone(self, batch: RaggedBatch) -> None:
        aside = self._aside
        if aside is None or self._n_written >= len(aside.token_ids) or not self.is_aside_wanted():
            return
        written = [*_blocks_of(batch, self.block_size), *(new for _, new in batch.block_copies)]
        read = [aside.block_tables.ravel()] + ([] if aside.cross is None else [aside.cross.block_tables.ravel()])
        assert not np.isin(written, np.concatenate(read)).any(), "a block is written that a prompt aside reads"

    def _copy(self, batch: RaggedBatch) -> None:
        for old, new in batch.block_copies:
            self._slots[new] = self._slots[old]

    def _write(self, batch: RaggedBatch, tokens: slice) -> None:
        blocks = _blocks_of(batch, self.block_size)
        assert (blocks >= 0).all(), "a token has no block to go to"
        if batch.cross is not None:
            assert not np.isin(blocks, batch.cross.block_tables).any(), "what the encoder has read is written over"
        for block in np.unique(blocks):
            assert (batch.block_tables == block).sum() == 1, "a block is written that two sequences read"
        written = np.stack([batch.token_ids, batch.positions], axis=1)[tokens]
        self._slots[blocks[tokens], batch.positions[tokens] % self.block_size] = written

    def _all_logits(self, batch: RaggedBatch) -> NDArray[np.float32]:
        assert not (batch.is_encoder and len(batch.logit_rows)), "an encoder has no logits"
        sequence_of = _sequence_of(batch)
        rows = [self._logits(batch, int(sequence_of[row]), int(batch.positions[row])) for row in batch.logit_rows]
        return np.array(rows, np.float32).reshape(len(rows), self.vocab_size)

    def close(self) -> None:
        self.closed = True

    def _logits(self, batch: RaggedBatch, sequence: int, position: int) -> NDArray[np.float32]:
        n_blocks = position // self.block_size + 1
        seen = self._slots[batch.block_tables[sequence, :n_blocks]].reshape(-1, 2)[: position + 1]
        if batch.cross is not None:
            length = int(batch.cross.lengths[sequence])
            table = batch.cross.block_tables[sequence, : -(-length // self.block_size)]
            assert (table >= 0).all(), "what the encoder has read has no blocks"
            seen = np.concatenate([self._slots[table].reshape(-1, 2)[:length], seen])
        return hashed_logits(seen, self.vocab_size)


def _sequence_of(batch: RaggedBatch) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(batch.sequence_starts) - 1), np.diff(batch.sequence_starts))


def _blocks_of(batch: RaggedBatch, block_size: int) -> NDArray[np.int32]:
    return batch.block_tables[_sequence_of(batch), batch.positions // block_size]


def hashed_logits(seen: NDArray[np.int64], vocab_size: int) -> NDArray[np.float32]:
    """Logits in [-8, 8) after a sequence of (token, position) pairs."""
    key = int.from_bytes(np.ascontiguousarray(seen, np.int64).tobytes(), "little") % (2**61 - 1)
    return np.random.Generator(np.random.Philox(key=key)).uniform(-8, 8, vocab_size).astype(np.float32)


class FakeSampler:
    """The rules of the native sampler that the engine relies on, in numpy: greedy, seeded draws, raw logprobs."""

    def sample(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int]
    ) -> list[tuple[int, TokenLogprob | None]]:
        return [self._one(row, request) for row, request in zip(logits[list(logit_rows)], requests, strict=True)]

    def verify(
        self,
        logits: NDArray[np.float32],
        requests: Sequence[Request],
        logit_rows: Sequence[int],
        drafts: Sequence[Sequence[int]],
    ) -> list[list[tuple[int, TokenLogprob | None]]]:
        results = []
        for request, row, tokens in zip(requests, logit_rows, drafts, strict=True):
            known = list(request.token_ids)
            found = self.sample(logits, [request], [row])
            for index, token in enumerate(tokens, 1):
                if found[-1][0] != token:
                    break
                request.token_ids.append(token)
                found += self.sample(logits, [request], [row + index])
            request.token_ids[:] = known
            results.append(found)
        return results

    def continuations(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int], counts: Sequence[int]
    ) -> list[Continuations]:
        found = []
        for row, request, count in zip(logits[list(logit_rows)], requests, counts, strict=True):
            raw, adjusted = log_softmax(row), self._adjusted(row, request)
            order = np.argsort(-adjusted, kind="stable")[: min(count, np.isfinite(adjusted).sum())]
            best = [Continuation(int(token), float(raw[token]), float(adjusted[token])) for token in order]
            top = _logprob(raw, 0, request.params.logprobs or 0).top
            found.append(Continuations(best, top))
        return found

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        assert len(logits) == len(token_ids)
        return [_logprob(log_softmax(row), token, n_top) for row, token in zip(logits, token_ids, strict=True)]

    def _adjusted(self, row: NDArray[np.float32], request: Request) -> NDArray[np.float64]:
        """Raw log probabilities with bias, mask and the least length applied."""
        adjusted = log_softmax(row)
        for token, bias in (request.params.logit_bias or {}).items():
            adjusted[token] += bias
        if request.constraint is not None:
            allowed = np.unpackbits(request.constraint.allowed.view(np.uint8), count=len(row), bitorder="little")
            adjusted[allowed == 0] = -np.inf
        if request.n_output < request.min_tokens:
            adjusted[list(request.end_ids)] = -np.inf
        return adjusted

    def _one(self, row: NDArray[np.float32], request: Request) -> tuple[int, TokenLogprob | None]:
        raw, params, biased = log_softmax(row), request.params, self._adjusted(row, request)
        if params.temperature > 0:
            noise = np.random.Generator(np.random.Philox(key=request.seed, counter=request.n_output))
            biased = biased / params.temperature + noise.gumbel(size=len(row))
        token = int(np.argmax(biased))
        if params.logprobs is None:
            return token, None
        return token, _logprob(raw, token, params.logprobs)


def _logprob(raw: NDArray[np.float64], token: int, n_top: int) -> TokenLogprob:
    best = np.argsort(-raw, kind="stable")[:n_top]
    return TokenLogprob(token, float(raw[token]), tuple((int(i), float(raw[i])) for i in best))


def log_softmax(row: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = row.astype(np.float64) - row.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))
