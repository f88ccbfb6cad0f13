"""llama.cpp answering many requests: tokens per second generated, prompts included, for a Python that has it.

usage: llamacpp_serving.py MODEL THREADS FLASH_ATTENTION(on|off) N_REQUESTS AT_ONCE PROMPT_TOKENS NEW_TOKENS [unified]

AT_ONCE requests share a context and are decoded in one batch; when they are through the next ones begin. A prompt is
computed for itself, as its own server does it when requests come one by one. `unified`: one cache for all requests
instead of one for each.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parents[2] / "python" / "llmagentos" / "bench" / "peer_llamacpp.py"


def serve(bench: Any, n_requests: int, at_once: int, n_prompt: int, n_new: int) -> float:
    """Generated tokens per second over all requests."""
    start = time.perf_counter()
    for first in range(0, n_requests, at_once):
        n = min(at_once, n_requests - first)
        with bench.context(n, n_prompt + n_new) as context:
            for sequence in range(n):
                bench.prompt(context, n_prompt, sequence)
            for i in range(n_new):
                bench.feed(context, [(bench.token(100 + i), n_prompt + i, sequence) for sequence in range(n)])
    return n_requests * n_new / (time.perf_counter() - start)


def main() -> None:
    model, threads, flash_attention = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "on"
    n_requests, at_once, n_prompt, n_new = (int(value) for value in sys.argv[4:8])
    bench = runpy.run_path(str(BENCH), run_name="peer")["Bench"](
        model, threads, flash_attention, sys.argv[8:] == ["unified"], n_new
    )
    serve(bench, 1, 1, 32, 8)
    value = serve(bench, n_requests, at_once, n_prompt, n_new)
    sys.stdout.write(json.dumps({"value": value}) + "\n")


if __name__ == "__main__":
    main()
