"""What does HTTP cost? Streaming clients of `llmagentos serve` against the same requests inside the process.

usage: python benchmarks/server_streams.py [MODEL] [--rounds N] [--threads N] [--clients N] [--tokens N]

All clients are one light reader in this process (light_reader.py), whose CPU time is reported. Both sides are timed in
turn, and answer the same prompts.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from typing import Any

import harness
from light_reader import read_streams

from llmagentos import LLM, SamplingParams


def prompts_of(n_clients: int, number: int) -> list[list[int]]:
    """Prompts of 64 tokens that share nothing with each other or with other rounds."""
    return [[(13 * i + 977 * client + 31 * number) % 30000 + 100 for i in range(64)] for client in range(n_clients)]


def in_process(llm: LLM, prompts: list[list[int]], n_tokens: int) -> float:
    """Tokens per second."""
    params = SamplingParams(temperature=0, max_tokens=n_tokens, ignore_eos=True)
    began = time.perf_counter()
    n = sum(completion.usage.completion_tokens for completion in llm.generate(prompts, params))
    return n / (time.perf_counter() - began)


def request(prompt: list[int], n_tokens: int) -> dict[str, Any]:
    return {"model": "m", "prompt": prompt, "max_tokens": n_tokens, "temperature": 0, "ignore_eos": True}


def main() -> None:
    parser = harness.engine_parser(__doc__)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "llmagentos", "serve", "--model", f"m={arguments.model}", "--port", "0", "--quiet"]
    if arguments.threads is not None:
        command += ["--threads", str(arguments.threads)]
    rounds = []
    with (
        LLM(arguments.model, threads=arguments.threads) as llm,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        port = int(re.findall(r":(\d+)", server.stdout.readline())[0])
        try:
            for number in range(-1, arguments.rounds):
                prompts = prompts_of(arguments.clients, number)
                inside = in_process(llm, prompts, arguments.tokens)
                http = read_streams(port, [request(prompt, arguments.tokens) for prompt in prompts])
                if number < 0:
                    continue  # memory is touched for the first time
                rounds.append((inside, http.tokens_per_second))
                print(
                    f"round {number + 1}: {inside:.0f} tokens/s inside, "
                    f"{http.tokens_per_second:.0f} over HTTP ({http.tokens_per_second / inside:.2f}); "
                    f"first token p95 {http.late:.2f} s; the reader took {http.cpu:.2f} of a CPU",
                    flush=True,
                )
        finally:
            server.terminate()
    print(f"median {statistics.median(http / inside for inside, http in rounds):.2f}")
    settings = {"model": arguments.model, "clients": arguments.clients, "tokens": arguments.tokens}
    print(f"appended to {harness.record('server_streams', settings | {'tokens_per_second': rounds})}")


if __name__ == "__main__":
    main()
