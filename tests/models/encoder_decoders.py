"""Encoder-decoder models of tests/oracles/families, run through the executor alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import BLOCK_SIZE, Executor, ThreadPool
from llmagentos.backends.protocol import adapters_of
from llmagentos.formats import Checkpoint
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.models.lora import LowRank

from .families import CASES
from .in_pieces import InPieces

ENCODER_DECODERS = [name for name, case in CASES.items() if case.kind == "encoder_decoder"]
Ids = Sequence[int]
Ints = NDArray[np.int32]


class Runner:
    """One model with room for a few short sequences, whose blocks are dealt in a scrambled order."""

    def __init__(
        self,
        model: Path | Checkpoint,
        *,
        kv_dtype: str = "f32",
        isa: str = "",
        threads: int = 1,
        fuse: bool = True,
        adapter: Mapping[str, LowRank] | None = None,
        aside: bool = False,
    ) -> None:
        checkpoint = open_checkpoint(model) if isinstance(model, Path) else model
        executor = Executor(
            build_graph(checkpoint),
            checkpoint.tensors.native(),
            ThreadPool(threads),
            max_tokens=512,
            n_blocks=64,
            kv_dtype=kv_dtype,
            isa=isa,
            fuse=fuse,
        )
        changes = None if adapter is None else [(name, change.a, change.b) for name, change in adapter.items()]
        self._adapter = None if changes is None else executor.load_adapter(changes)
        self._blocks = np.random.default_rng(1).permutation(64).astype(np.int32)
        self._executor = InPieces(executor, int(self._blocks[-1]), has_encoder=True) if aside else executor

    def logits(self, texts: Sequence[Ids], decoders: Sequence[Ids], chunk: int = 512) -> list[NDArray[np.float32]]:
        """Of every token of each decoder, after its text; the decoders side by side, `chunk` tokens a run."""
        inputs, own = self._tables(texts, 0), self._tables(decoders, 32)
        adapters = adapters_of([self._adapter] * len(texts))
        self._executor.run(*_batch(texts, [0] * len(texts)), inputs, _ints([]), is_encoder=True, adapters=adapters)
        lengths = _ints([len(text) for text in texts])
        found = [list[NDArray[np.float32]]() for _ in decoders]
        for at in range(0, max(map(len, decoders)), chunk):
            active = [s for s, ids in enumerate(decoders) if at < len(ids)]
            pieces = [decoders[s][at : at + chunk] for s in active]
            n_tokens = sum(map(len, pieces))
            rows = self._executor.run(
                *_batch(pieces, [at] * len(pieces)),
                own[active],
                np.arange(n_tokens, dtype=np.int32),
                cross_block_tables=inputs[active],
                cross_lengths=lengths[active],
                adapters=adapters_of([self._adapter] * len(active)),
            )
            for s, part in zip(active, np.split(rows, np.cumsum([len(piece) for piece in pieces])[:-1]), strict=True):
                found[s].append(part.copy())
        return [np.concatenate(parts) for parts in found]

    def _tables(self, sequences: Sequence[Ids], first: int) -> Ints:
        needed = [-(-len(ids) // BLOCK_SIZE) for ids in sequences]
        table = np.full((len(sequences), max(needed)), -1, np.int32)
        for row, n in zip(table, needed, strict=True):
            row[:n] = self._blocks[first : first + n]
            first += n
        return table


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int32)


def _batch(pieces: Sequence[Ids], starts: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Token ids, positions and starts of the sequences."""
    positions = [np.arange(start, start + len(ids)) for start, ids in zip(starts, pieces, strict=True)]
    ids = np.concatenate([_ints(piece) for piece in pieces])
    return ids, np.concatenate(positions).astype(np.int32), _ints(np.cumsum([0, *map(len, pieces)]).tolist())
