"""How many tokens a second do many requests get together, against llama.cpp one by one and in its best batches?

usage: python benchmarks/serving_throughput.py MODEL PEER_PYTHON [--rounds N] [--threads N]

64 requests of 256 prompt and 128 new tokens, 16 at a time, for each side in a process of its own and in turn. llama.cpp
one by one answers 8 of them, which gives the same rate. It counts at its better of flash attention on and off and, in
batches, of one KV cache for all requests and one for each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import harness

from llmagentos import LLM, SamplingParams

N_REQUESTS, AT_ONCE, PROMPT, NEW = 64, 16, 256, 128
PEER = Path(__file__).parent / "sides" / "llamacpp_serving.py"


def ours(model: str, threads: int) -> float:
    """Generated tokens per second."""
    with LLM(model, threads=threads, max_running=AT_ONCE, speculation="off") as llm:
        prompts = [[(7 * i + 131 * n) % 30000 + 100 for i in range(PROMPT)] for n in range(N_REQUESTS)]
        llm.generate([prompt[::-1] for prompt in prompts[:2]], SamplingParams(temperature=0, max_tokens=8))
        start = time.perf_counter()
        llm.generate(prompts, SamplingParams(temperature=0, max_tokens=NEW, ignore_eos=True))
        return N_REQUESTS * NEW / (time.perf_counter() - start)


def value_of(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return float(json.loads(done.stdout.splitlines()[-1])["value"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("peer_python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps({"value": ours(arguments.model, arguments.threads)}))
        return
    this = [sys.executable, __file__, arguments.model, arguments.peer_python, "--threads", str(arguments.threads)]
    peer = [arguments.peer_python, str(PEER), arguments.model, str(arguments.threads)]
    sizes = [str(PROMPT), str(NEW)]
    sides = {"llmagentos": [*this, "--ours"]}
    for flash in ("on", "off"):
        sides[f"one by one, flash attention {flash}"] = [*peer, flash, "8", "1", *sizes]
        batched = [*peer, flash, str(2 * AT_ONCE), str(AT_ONCE), *sizes]
        sides[f"{AT_ONCE} at a time, flash attention {flash}"] = batched
        sides[f"{AT_ONCE} at a time, flash attention {flash}, one cache"] = [*batched, "unified"]
    values: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(arguments.rounds):
        for name, command in sides.items():
            values[name].append(value_of(command))
            print(f"round {number + 1}: {name} {values[name][-1]:.1f} tokens/s", flush=True)
    print(f"\n{'':50s}{'tokens/s':>9s}{'ours is':>9s}")
    for name, found in values.items():
        ratios = [mine / theirs for mine, theirs in zip(values["llmagentos"], found, strict=True)]
        print(f"{name:50s}{statistics.median(found):9.1f}{statistics.median(ratios):8.2f}x")
    print(
        f"appended to {harness.record('serving_throughput', {'model': arguments.model, 'tokens_per_second': values})}"
    )


if __name__ == "__main__":
    main()
