"""Logits of a model file through the package's own CPU backend, one ragged batch after the other.

Used as a module by the tests, and as a script where an instruction set must be forced, since it is chosen once per
process: `LLMAGENTOS_ISA=avx2 python logits.py JOBS.json OUT.npz`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos.backends.cpu import CpuBackend
from llmagentos.backends.protocol import AsideTime, Backend, RaggedBatch
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.quantization.load import packing_of

Ids = NDArray[np.int32]
Logits = NDArray[np.float32]


def open_backend(
    path: Path, *, threads: int = 1, kv_dtype: str = "f32", n_tokens: int, max_batch: int, quantize: str | None = None
) -> Backend:
    """The backend for one model, with a KV pool of at least n_tokens and steps of up to max_batch tokens."""
    checkpoint = open_checkpoint(path)
    graph = build_graph(checkpoint)
    return CpuBackend(
        graph,
        checkpoint.tensors,
        threads=threads,
        n_blocks=-(-n_tokens // CpuBackend.block_size),
        kv_dtype=kv_dtype,
        max_batched_tokens=max_batch,
        quantize_to=packing_of(checkpoint, quantize).quantize_to,
    )


def run_aside(backend: Backend, batch: RaggedBatch, spare_block: int) -> Logits:
    """The batch's logits, computed a little at a time beside a token in a block of its own."""
    none, one = np.zeros(1, np.int32), np.array([0, 1], np.int32)
    beside = RaggedBatch(none, none, one, np.array([[spare_block]], np.int32), none)
    backend.begin_aside(batch)
    while (logits := backend.aside_logits) is None:
        backend.run(beside, AsideTime(0.0, 3e-4))
    return logits


def run_together(
    backend: Backend, sequences: Sequence[Ids], chunks: Sequence[int], aside: bool = False
) -> Iterator[tuple[int, int, Logits]]:
    """Feeds all sequences side by side, chunks[s] tokens of sequence s a step, and asks for every row.

    Yields (sequence, first position, logits [n, vocab]); the logits are valid until the next item is asked for. The
    blocks are dealt in a scrambled order, so that no sequence lies contiguously in the pool. One is left for what is
    computed `aside`.
    """
    size = backend.block_size
    needed = [-(-len(ids) // size) for ids in sequences]
    free = np.random.default_rng(7).permutation(backend.n_blocks).astype(np.int32)
    tables = np.full((len(sequences), max(needed)), -1, np.int32)
    for row, (n, owned) in enumerate(zip(needed, np.split(free[: sum(needed)], np.cumsum(needed)[:-1]), strict=True)):
        tables[row, :n] = owned
    done = [0] * len(sequences)
    while any(start < len(ids) for start, ids in zip(done, sequences, strict=True)):
        active = [s for s, ids in enumerate(sequences) if done[s] < len(ids)]
        spans = [(s, done[s], min(done[s] + chunks[s], len(sequences[s]))) for s in active]
        starts = np.cumsum([0] + [last - first for _, first, last in spans]).astype(np.int32)
        batch = RaggedBatch(
            token_ids=np.concatenate([sequences[s][first:last] for s, first, last in spans]).astype(np.int32),
            positions=np.concatenate([np.arange(first, last, dtype=np.int32) for _, first, last in spans]),
            sequence_starts=starts,
            block_tables=tables[active],
            logit_rows=np.arange(starts[-1], dtype=np.int32),
        )
        rows = run_aside(backend, batch, int(free[-1])) if aside else backend.run(batch)
        for (s, first, last), start in zip(spans, starts[:-1], strict=True):
            done[s] = last
            yield s, first, rows[start : start + last - first]


def logits_of(
    path: Path,
    token_ids: Ids,
    *,
    chunk: int = 512,
    threads: int = 1,
    kv_dtype: str = "f32",
    companions: int = 0,
    quantize: str | None = None,
    aside: bool = False,
) -> Logits:
    """Logits float32 [n, vocab] of one sequence, fed in chunks, alone or beside unrelated sequences."""
    rng = np.random.default_rng(companions)
    lengths = [max(1, len(token_ids) - 11 * i) for i in range(companions)]
    others = [rng.permutation(np.resize(token_ids, length)) for length in lengths]
    sequences = [*others[: companions // 2], token_ids, *others[companions // 2 :]]
    target = companions // 2
    chunks = [1 + (5 * s) % 17 for s in range(len(sequences))]
    chunks[target] = chunk
    n_tokens = sum(len(ids) + 32 for ids in sequences)
    pieces = []
    max_batch = max(sum(chunks), 1)
    opened = open_backend(
        path, threads=threads, kv_dtype=kv_dtype, n_tokens=n_tokens, max_batch=max_batch, quantize=quantize
    )
    with closing(opened) as backend:
        for sequence, _, rows in run_together(backend, sequences, chunks, aside):
            if sequence == target:
                pieces.append(rows.copy())
    return np.concatenate(pieces)


def main() -> None:
    """Runs each job {key, path, token_ids, and logits_of's options} and stores its logits under its key."""
    jobs = json.loads(Path(sys.argv[1]).read_text())
    results = {}
    for job in jobs:
        key, path, ids = job.pop("key"), Path(job.pop("path")), np.array(job.pop("token_ids"), np.int32)
        results[key] = logits_of(path, ids, **job)
    np.savez(sys.argv[2], **results)


if __name__ == "__main__":
    main()
