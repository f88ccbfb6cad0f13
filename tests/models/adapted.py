"""The tiny models of tests/oracles/families with the adapters of tests/oracles/lora, run through the executor alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import BLOCK_SIZE, Executor, ThreadPool
from llmagentos.backends.protocol import adapters_of
from llmagentos.formats import Checkpoint
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.models.lora import AdapterBase, LowRank, open_adapter
from llmagentos.quantization.load import packing_of
from tests.oracles.lora.case import CASES

from .families import DATA as MODELS
from .in_pieces import InPieces

DATA = Path(__file__).parents[1] / "oracles" / "lora" / "data"
BASES = {case.name: MODELS / case.base for case in CASES}

Ids = NDArray[np.int32]
Logits = NDArray[np.float32]
N_TOKENS = 640


@dataclass(frozen=True)
class Text:
    """One sequence: its token ids, its adapter, and how many tokens of it one run computes."""

    ids: Ids
    adapter: str | None = None
    chunk: int = N_TOKENS


class AdaptedModel:
    """One model and adapters for it, named by their folders. What it packs is as `LLM(quantize=)` says."""

    def __init__(
        self,
        model: Path | Checkpoint,
        adapters: Sequence[Path] = (),
        *,
        isa: str = "",
        threads: int = 1,
        fuse: bool = True,
        quantize: str | None = None,
        aside: bool = False,
    ) -> None:
        checkpoint = open_checkpoint(model) if isinstance(model, Path) else model
        graph = build_graph(checkpoint)
        self.executor = Executor(
            graph,
            checkpoint.tensors.native(),
            ThreadPool(threads),
            max_tokens=N_TOKENS,
            n_blocks=64,
            kv_dtype="f32",
            isa=isa,
            fuse=fuse,
            quantize_to=packing_of(checkpoint, quantize).quantize_to,
        )
        self._blocks = np.random.default_rng(1).permutation(64).astype(np.int32)
        self._runs = InPieces(self.executor, int(self._blocks[-1])) if aside else self.executor
        base = AdapterBase.of(checkpoint)
        self._numbers = {path.name: self._load(open_adapter(path, base)) for path in adapters}

    def logits(self, *sequences: Text) -> list[Logits]:
        """Of every token of each; the sequences side by side, each in chunks."""
        size = max(-(-len(one.ids) // BLOCK_SIZE) for one in sequences)
        tables = self._blocks[: size * len(sequences)].reshape(len(sequences), size)
        done, found = [0] * len(sequences), [list[Logits]() for _ in sequences]
        while any(at < len(one.ids) for at, one in zip(done, sequences, strict=True)):
            active = [s for s, one in enumerate(sequences) if done[s] < len(one.ids)]
            pieces = [sequences[s].ids[done[s] : done[s] + sequences[s].chunk] for s in active]
            positions = [done[s] + np.arange(len(piece)) for s, piece in zip(active, pieces, strict=True)]
            starts = np.cumsum([0, *map(len, pieces)]).astype(np.int32)
            rows = self._runs.run(
                np.concatenate(pieces).astype(np.int32),
                np.concatenate(positions).astype(np.int32),
                starts,
                tables[active],
                np.arange(starts[-1], dtype=np.int32),
                adapters=adapters_of([self.number(sequences[s].adapter) for s in active]),
            )
            for s, part in zip(active, np.split(rows, starts[1:-1]), strict=True):
                found[s].append(part.copy())
                done[s] += len(part)
        return [np.concatenate(parts) for parts in found]

    def number(self, adapter: str | None) -> int | None:
        return None if adapter is None else self._numbers[adapter]

    def _load(self, changes: dict[str, LowRank]) -> int:
        return self.executor.load_adapter([(name, change.a, change.b) for name, change in changes.items()])


def relative_difference(found: Logits, expected: Logits) -> float:
    """max |difference| / max |expected|."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
