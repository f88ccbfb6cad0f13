"""One timed metric of llama.cpp, through llama-cpp-python's low-level API.

usage: python peer_llamacpp.py MODEL THREADS FLASH_ATTENTION(on|off) KIND N [--new-tokens N] [--repeats N] [--unified]

Run as a file by a Python that may have nothing but llama-cpp-python, so it imports nothing of this package. Metrics,
prompts and counts are those of ours.py. Pinning is the environment's job: OMP_PROC_BIND and OMP_PLACES.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp

STARTED = "BENCH_STARTED"
STREAM_PROMPT, SHORT_PROMPT, WARM_PROMPT = 16, 4, 64
WARM_SECONDS, WARM_ROUNDS = 1.0, 50
UBATCH = 512


class Bench:
    """A loaded model; each measurement makes a context of its own."""

    def __init__(self, model: str, threads: int, flash_attention: bool, unified: bool, new_tokens: int) -> None:
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(model), llama_cpp.llama_model_default_params())
        if not self._model:
            sys.exit(f"llama.cpp cannot load {model}")
        self._n_vocab: int = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self._threads = threads
        self._flash_attention = flash_attention
        self._unified = unified
        self._new_tokens = new_tokens

    @contextlib.contextmanager
    def context(self, n_sequences: int, tokens_each: int) -> Iterator[Any]:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = max(256, tokens_each) * n_sequences
        params.n_batch = params.n_ubatch = UBATCH
        params.n_threads = params.n_threads_batch = self._threads
        params.n_seq_max = n_sequences
        params.flash_attn_type = 1 if self._flash_attention else 0
        params.kv_unified = self._unified  # versions without it know unified caches only, and ignore it
        context = llama_cpp.llama_init_from_model(self._model, params)
        if not context:
            sys.exit(f"llama.cpp makes no context of {params.n_ctx} tokens for {n_sequences} sequences")
        try:
            yield context
        finally:
            llama_cpp.llama_free(context)

    def feed(self, context: Any, tokens: Sequence[tuple[int, int, int]]) -> None:
        """Runs one batch of (token, position, sequence); logits are wanted for the last token of each sequence."""
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        last = {sequence: i for i, (_, _, sequence) in enumerate(tokens)}
        for i, (token, position, sequence) in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = last[sequence] == i
        status = llama_cpp.llama_decode(context, batch)
        llama_cpp.llama_batch_free(batch)
        if status != 0:
            sys.exit(f"llama_decode returned {status}")
        llama_cpp.llama_synchronize(context)

    def token(self, i: int) -> int:
        first = min(100, self._n_vocab // 2)
        return i % min(40000, self._n_vocab - first) + first

    def prompt(self, context: Any, n: int, sequence: int = 0) -> None:
        tokens = [(self.token(7 * i), i, sequence) for i in range(n)]
        for start in range(0, n, UBATCH):
            self.feed(context, tokens[start : start + UBATCH])

    def warm(self) -> None:
        began = time.perf_counter()
        with self.context(1, WARM_PROMPT) as context:
            for _ in range(WARM_ROUNDS):
                llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
                self.prompt(context, WARM_PROMPT)
                if time.perf_counter() - began >= WARM_SECONDS:
                    break

    def prefill(self, n: int) -> float:
        with self.context(1, n) as context:
            self.prompt(context, min(n, WARM_PROMPT))
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
            start = time.perf_counter()
            self.prompt(context, n)
            return n / (time.perf_counter() - start)

    def decode(self, depth: int, n_sequences: int = 1) -> float:
        """The prompts stay out of it, for several streams too."""
        with self.context(n_sequences, depth + self._new_tokens) as context:
            for sequence in range(n_sequences):
                self.prompt(context, depth, sequence)
            start = time.perf_counter()
            for i in range(self._new_tokens):
                tokens = [(self.token(100 + i), depth + i, sequence) for sequence in range(n_sequences)]
                self.feed(context, tokens)
            return n_sequences * self._new_tokens / (time.perf_counter() - start)

    def first_token(self, n: int, start: float | None = None) -> float:
        """Seconds to the first token after a prompt: since `start`, or since model and context are ready."""
        with self.context(1, n + 1) as context:
            if start is None:
                start = time.monotonic()
            self.prompt(context, n)
            llama_cpp.llama_sampler_sample(llama_cpp.llama_sampler_init_greedy(), context, -1)
            return time.monotonic() - start


def peak_memory() -> float:
    """This process's largest resident size so far, in megabytes of 10^6 bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def measure(bench: Bench, kind: str, n: int) -> float:
    """One measurement."""
    if kind == "prefill":
        return bench.prefill(n)
    if kind == "decode":
        return bench.decode(n or SHORT_PROMPT)
    if kind == "streams":
        return bench.decode(STREAM_PROMPT, n)
    if kind == "start":
        return bench.first_token(n, float(os.environ[STARTED]))
    if kind not in ("first", "memory"):
        sys.exit(f"there is no metric of kind {kind}")
    seconds = bench.first_token(n)
    return seconds if kind == "first" else peak_memory()


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("threads", type=int)
    parser.add_argument("flash_attention", choices=["on", "off"])
    parser.add_argument("kind")
    parser.add_argument("n", type=int)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--unified", action="store_true", help="one cache for all streams instead of one for each")
    arguments = parser.parse_args()
    flash_attention = arguments.flash_attention == "on"
    bench = Bench(arguments.model, arguments.threads, flash_attention, arguments.unified, arguments.new_tokens)
    if arguments.kind in ("prefill", "decode", "streams"):
        bench.warm()
    values = [measure(bench, arguments.kind, arguments.n) for _ in range(arguments.repeats)]
    sys.stdout.write(json.dumps({"value": statistics.median(values)}) + "\n")


if __name__ == "__main__":
    main()
