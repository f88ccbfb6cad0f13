"""How long does a summary take, in float32 against transformers and in 8 bits against CTranslate2?

usage: python benchmarks/summaries.py FOLDER PEER_PYTHON [--ctranslate2 FOLDER] [--rounds N] [--threads N] [--prompt N]

FOLDER is an encoder-decoder model as transformers saves it (make_random_bart.py writes one), whose own generation
settings are used. PEER_PYTHON has torch and transformers, and ctranslate2 where its folder is given. Sides take turns,
each in a process of its own; the first summary of a process is not counted.
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

from llmagentos import LLM

PEER = Path(__file__).parent / "sides" / "summaries_side.py"
REPEATS = 2


def ours(folder: str, threads: int, n_prompt: int, quantize: str | None) -> tuple[float, list[int]]:
    """Seconds of a summary, and the tokens of the last one."""
    seconds, tokens = [], list[int]()
    with LLM(folder, threads=threads, quantize=quantize) as llm:
        for number in range(REPEATS + 1):
            prompt = [(7 * i + 131 * number) % 40000 + 100 for i in range(n_prompt)]
            start = time.perf_counter()
            tokens = llm.generate(prompt).token_ids
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]), tokens


def run(command: list[str]) -> tuple[float, list[int]]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    answer = json.loads(done.stdout.splitlines()[-1])
    return float(answer["value"]), answer["tokens"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("peer_python")
    parser.add_argument("--ctranslate2", metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=700)
    parser.add_argument("--ours", choices=("float32", "q8_0"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        value, tokens = ours(
            arguments.folder,
            arguments.threads,
            arguments.prompt,
            None if arguments.ours == "float32" else arguments.ours,
        )
        print(json.dumps({"value": value, "tokens": tokens}))
        return
    sizes = [str(arguments.threads), str(arguments.prompt)]
    this = [
        sys.executable,
        __file__,
        arguments.folder,
        arguments.peer_python,
        "--threads",
        sizes[0],
        "--prompt",
        sizes[1],
    ]
    sides = {
        "llmagentos": [*this, "--ours", "float32"],
        "transformers": [arguments.peer_python, str(PEER), "transformers", arguments.folder, *sizes, str(REPEATS)],
    }
    if arguments.ctranslate2:
        command = [arguments.peer_python, str(PEER), "ctranslate2", arguments.ctranslate2, *sizes, str(REPEATS)]
        sides |= {"llmagentos q8_0": [*this, "--ours", "q8_0"], "CTranslate2 int8": command}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    answers: dict[str, list[int]] = {}
    for number in range(arguments.rounds):
        for name, command in sides.items():
            value, answers[name] = run(command)
            seconds[name].append(value)
            print(f"round {number + 1}: {name} {value:.2f} s", flush=True)
    print(f"\n{'':20s}{'seconds':>9s}{'ours is':>9s}  same text")
    for name, found in seconds.items():
        against = "llmagentos q8_0" if "int8" in name else "llmagentos"
        ratio = statistics.median(b / a for a, b in zip(seconds[against], found, strict=True))
        print(f"{name:20s}{statistics.median(found):9.2f}{ratio:8.2f}x  {answers[name] == answers[against]}")
    print(f"appended to {harness.record('summaries', {'model': arguments.folder, 'seconds': seconds})}")


if __name__ == "__main__":
    main()
