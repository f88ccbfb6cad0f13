"""One timed metric of llama.cpp, through llama-cpp-python's low-level API.

usage: llamacpp.py MODEL THREADS FLASH_ATTENTION(on|off) METRIC

Prompts and counts are those of ours.py. Pinning is the environment's job: OMP_PROC_BIND and OMP_PLACES.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

import llama_cpp

REPEATS = 3
NEW_TOKENS = 128
UBATCH = 512


class Bench:
    def __init__(self, model: str, threads: int, flash_attention: bool) -> None:
        self._quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(model.encode(), llama_cpp.llama_model_default_params())
        self._threads = threads
        self._flash_attention = flash_attention

    @contextlib.contextmanager
    def context(self, n_sequences: int, tokens_each: int) -> Iterator[llama_cpp.llama_context_p]:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = max(256, tokens_each) * n_sequences
        params.n_batch = params.n_ubatch = UBATCH
        params.n_threads = params.n_threads_batch = self._threads
        params.n_seq_max = n_sequences
        params.flash_attn_type = 1 if self._flash_attention else 0
        context = llama_cpp.llama_init_from_model(self._model, params)
        try:
            yield context
        finally:
            llama_cpp.llama_free(context)

    def feed(self, context: llama_cpp.llama_context_p, tokens: Sequence[tuple[int, int, int]]) -> None:
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
            raise RuntimeError(f"llama_decode returned {status}")
        llama_cpp.llama_synchronize(context)

    def prompt(self, context: llama_cpp.llama_context_p, n: int, sequence: int = 0) -> None:
        tokens = [((7 * i) % 40000 + 100, i, sequence) for i in range(n)]
        for start in range(0, n, UBATCH):
            self.feed(context, tokens[start : start + UBATCH])

    def prefill(self, n: int) -> float:
        with self.context(1, n) as context:
            self.prompt(context, 64)
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
            start = time.perf_counter()
            self.prompt(context, n)
            return n / (time.perf_counter() - start)

    def decode(self, depth: int, n_sequences: int = 1) -> float:
        """The prompts stay out of it, for several streams too."""
        with self.context(n_sequences, depth + NEW_TOKENS) as context:
            for sequence in range(n_sequences):
                self.prompt(context, depth, sequence)
            start = time.perf_counter()
            for i in range(NEW_TOKENS):
                self.feed(context, [(200 + i, depth + i, sequence) for sequence in range(n_sequences)])
            return n_sequences * NEW_TOKENS / (time.perf_counter() - start)


def main() -> None:
    model, threads, flash_attention, metric = sys.argv[1:]
    bench = Bench(model, int(threads), flash_attention == "on")
    measure = {
        "prefill 512": lambda: bench.prefill(512),
        "decode": lambda: bench.decode(4),
        "decode @1000": lambda: bench.decode(1000),
        "8 streams": lambda: bench.decode(16, 8),
        "16 streams": lambda: bench.decode(16, 16),
    }[metric]
    print(json.dumps({"value": statistics.median(measure() for _ in range(REPEATS))}))


if __name__ == "__main__":
    main()
