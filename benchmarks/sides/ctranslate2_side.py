"""One timed metric of CTranslate2. usage: ctranslate2_side.py FOLDER THREADS KIND N [--new-tokens N] [--repeats N]

KIND is prefill, decode or streams. For a Python that has ctranslate2 and not llmagentos. What follows the first token
is timed by what more tokens take longer, since CTranslate2 tells of no single step: prompts stay out of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import ctranslate2


class Bench:
    """Prompts are fresh tokens every time, so that nothing is answered from a cache."""

    def __init__(self, folder: str, threads: int, new_tokens: int) -> None:
        self._generator = ctranslate2.Generator(folder, device="cpu", compute_type="int8", intra_threads=threads)
        self._vocabulary = json.loads((Path(folder) / "vocabulary.json").read_text())
        self._new_tokens = new_tokens
        self._prompts = 0
        self.generate([self.prompt(64)], 8)

    def prompt(self, n: int) -> list[str]:
        self._prompts += 1
        return [self._vocabulary[(7 * i + 131 * self._prompts) % 40000 + 100] for i in range(n)]

    def generate(self, prompts: list[list[str]], n: int) -> float:
        start = time.perf_counter()
        self._generator.generate_batch(
            prompts, max_length=n, min_length=n, sampling_topk=1, include_prompt_in_result=False, end_token=[]
        )
        return time.perf_counter() - start

    def prefill(self, n: int) -> float:
        return n / self.generate([self.prompt(n)], 1)

    def decode(self, context: int, n_streams: int = 1) -> float:
        prompts = [self.prompt(context) for _ in range(n_streams)]
        first = self.generate(prompts, 1)
        return n_streams * (self._new_tokens - 1) / (self.generate(prompts, self._new_tokens) - first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("threads", type=int)
    parser.add_argument("kind", choices=["prefill", "decode", "streams"])
    parser.add_argument("n", type=int)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    bench = Bench(options.folder, options.threads, options.new_tokens)
    measure = {
        "prefill": lambda: bench.prefill(options.n),
        "decode": lambda: bench.decode(options.n or 4),
        "streams": lambda: bench.decode(16, options.n),
    }[options.kind]
    print(json.dumps({"value": statistics.median(measure() for _ in range(options.repeats))}))


if __name__ == "__main__":
    main()
