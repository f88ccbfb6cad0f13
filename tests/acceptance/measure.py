"""One real model's distance to its reference, as JSON; a process of its own, since the ISA is chosen once per process.

    LLMAGENTOS_ISA=avx2 python measure.py MODEL.gguf --oracle NAME.npz --reference FOLDER --kv-dtype f16 --threads 2

FOLDER is what tests/oracles/models/make_real.py writes. --windows 1 measures only the first of the windows.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "models"), str(TESTS / "oracles" / "models")]

from divergence import Divergence  # noqa: E402
from logits import logits_of, open_backend, run_together  # noqa: E402
from reference import Reference  # noqa: E402

CHUNK = 128
ROWS = 64


def measure_text(model: Path, folder: Path, windows: int, threads: int, kv_dtype: str) -> dict[str, float]:
    """The sums of Divergence over the first `windows` windows."""
    reference = Reference(folder)
    total = Divergence()
    length = reference.token_ids.shape[1]
    with closing(open_backend(model, threads=threads, kv_dtype=kv_dtype, n_tokens=length, max_batch=CHUNK)) as backend:
        for window in range(min(windows, reference.n_windows)):
            for _, start, logits in run_together(backend, [reference.token_ids[window]], [CHUNK]):
                for at in range(0, len(logits), ROWS):
                    first, last = start + at, start + min(at + ROWS, len(logits))
                    expected = reference.logits(window, first, last)
                    total.add(expected, logits[at : at + ROWS], reference.next_ids(window, first, last))
            print(f"window {window}: {total.summary()}", file=sys.stderr, flush=True)
    return total.summary()


def measure_greedy(model: Path, oracle: Path, threads: int, kv_dtype: str) -> dict[str, float]:
    """Teacher-forced on the reference's greedy continuations: how many argmaxes differ, and the surest of them."""
    with np.load(oracle) as stored:
        arrays = {name: stored[name] for name in stored.files}
    flips: list[float] = []
    n_steps = 0
    for i, prompt_length in enumerate(arrays["prompt_lengths"]):
        logits = logits_of(model, arrays[f"greedy_ids{i}"], chunk=CHUNK, threads=threads, kv_dtype=kv_dtype)
        differs = logits[prompt_length - 1 : -1].argmax(axis=1) != arrays["greedy_argmax"][i]
        flips.extend(float(margin) for margin in arrays["greedy_margin"][i][differs])
        n_steps += len(differs)
    return {"greedy_steps": n_steps, "greedy_flips": len(flips), "greedy_widest_flip_margin": max(flips, default=0.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--oracle", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--kv-dtype", default="f16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--windows", type=int, default=1 << 30)
    options = parser.parse_args()
    text = measure_text(options.model, options.reference, options.windows, options.threads, options.kv_dtype)
    print(json.dumps(text | measure_greedy(options.model, options.oracle, options.threads, options.kv_dtype)))


if __name__ == "__main__":
    main()
