"""What does choosing tokens cost beside computing their logits? Milliseconds of a step, for several settings.

usage: python benchmarks/sampling.py [MODEL] [--batch N] [--threads N] [--steps N]

Streams decode together; each step's logits are sampled once with every setting, so that what is compared alternates.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import harness
import numpy as np
from numpy.typing import NDArray

from llmagentos._core import runtime
from llmagentos._core.sampler import SamplerRow
from llmagentos.backends.cpu import CpuBackend
from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.market import resolve
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.sampling_params import SamplingParams

Logits = NDArray[np.float32]

N_PROMPT = 128
TEXT = Path(__file__).with_name("README.md")
USUAL = {"temperature": 0.8, "top_k": 40, "top_p": 0.95}
SETTINGS = {
    "greedy": {"temperature": 0.0},
    "temperature": {"temperature": 0.8},
    "temperature, top-k, top-p": USUAL,
    "temperature, top-p": {"temperature": 0.8, "top_p": 0.95},
    "temperature, typical": {"temperature": 0.8, "typical_p": 0.9},
    "with repetition and frequency penalties": {**USUAL, "repetition_penalty": 1.1, "frequency_penalty": 0.1},
    "with DRY": {**USUAL, "dry_multiplier": 0.8},
    "with 5 logprobs": {**USUAL, "logprobs": 5},
}
MASKS = {"with a mask that allows 1 in 1000": 0.001, "with a mask that allows half": 0.5, "with a mask of all": 1.0}


class Streams:
    """Sequences of one text, each a few tokens further, that decode together."""

    def __init__(self, backend: CpuBackend, ids: list[int], batch: int, n_steps: int) -> None:
        self._backend = backend
        self._length = N_PROMPT
        self.ids = [ids[2 * i : 2 * i + N_PROMPT] for i in range(batch)]
        n_blocks = -(-(N_PROMPT + n_steps) // backend.block_size)
        self._tables = np.arange(batch * n_blocks, dtype=np.int32).reshape(batch, n_blocks)
        for table, prompt in zip(self._tables, self.ids, strict=True):
            positions = np.arange(N_PROMPT, dtype=np.int32)
            starts, last = np.array([0, N_PROMPT], np.int32), positions[-1:]
            backend.run(RaggedBatch(np.array(prompt, np.int32), positions, starts, table[None], last, []))

    def step(self, tokens: list[int]) -> Logits:
        n = len(tokens)
        positions, starts = np.full(n, self._length, np.int32), np.arange(n + 1, dtype=np.int32)
        batch = RaggedBatch(
            np.array(tokens, np.int32), positions, starts, self._tables, np.arange(n, dtype=np.int32), []
        )
        self._length += 1
        return self._backend.run(batch)


def requests_for(streams: Streams, params: dict[str, float]) -> list[Request]:
    settings = [SamplingParams(seed=i, **params) for i in range(len(streams.ids))]  # type: ignore[arg-type]
    return [Request(ids, one, 1 << 20) for ids, one in zip(streams.ids, settings, strict=True)]


def measure(backend: CpuBackend, ids: list[int], batch: int, n_steps: int, sampler: NativeSampler) -> dict[str, float]:
    """Median milliseconds of a step's logits, and of sampling them with each setting."""
    streams = Streams(backend, ids, batch, n_steps)
    groups = {name: requests_for(streams, params) for name, params in SETTINGS.items()}
    groups |= {name: requests_for(streams, USUAL) for name in MASKS}
    times: dict[str, list[float]] = {"a step": [], **{name: [] for name in groups}}
    tokens = [ids[-1] for ids in streams.ids]
    for step in range(n_steps):
        with timed(times["a step"]):
            logits = streams.step(tokens)
        for name, requests in groups.items():
            with timed(times[name]):
                found = sampler.sample(logits, requests)
            for request, (token, _) in zip(requests, found, strict=True):
                request.token_ids.append(token)
            if step == 0 and name in MASKS:
                set_mask(requests, MASKS[name], logits.shape[1])
        tokens = [request.token_ids[-1] for request in groups["temperature, top-k, top-p"]]
    return {name: 1e3 * median(values[1:]) for name, values in times.items()}


@contextmanager
def timed(times: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    times.append(time.perf_counter() - began)


def set_mask(requests: list[Request], share: float, vocab: int) -> None:
    allowed = np.random.default_rng(0).random(-(-vocab // 32) * 32) < share
    mask = np.packbits(allowed, bitorder="little").view("<u4")
    for request in requests:
        assert isinstance(request.sampler_state, SamplerRow)
        request.sampler_state.allowed = mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    machine = runtime.machine()
    parser.add_argument("model", nargs="?", default="smollm2-135m-instruct", help="name, or path of a GGUF file")
    parser.add_argument("--batch", type=int, default=16, help="streams together")
    parser.add_argument("--threads", type=int, default=machine["usable_cpus"])
    parser.add_argument("--steps", type=int, default=64)
    arguments = parser.parse_args()
    checkpoint = open_checkpoint(resolve(arguments.model))
    n_blocks = arguments.batch * -(-(N_PROMPT + arguments.steps) // CpuBackend.block_size)
    backend = CpuBackend(build_graph(checkpoint), checkpoint.tensors, threads=arguments.threads, n_blocks=n_blocks)
    sampler = NativeSampler(backend.pool, checkpoint.tokenizer)
    ids = checkpoint.tokenizer.encode(TEXT.read_text())
    found = measure(backend, ids, arguments.batch, arguments.steps, sampler)
    print(
        f"{machine['cpu']}, {machine['isa']}, {arguments.threads} threads; {checkpoint.name}, {arguments.batch} streams"
    )
    for name, value in found.items():
        print(f"{name:42s} {value:8.3f} ms {value / found['a step']:8.1%}")
    settings = {"model": checkpoint.name, "batch": arguments.batch, "threads": arguments.threads}
    print(f"appended to {harness.record('sampling', {**settings, 'milliseconds': found})}")


if __name__ == "__main__":
    main()
