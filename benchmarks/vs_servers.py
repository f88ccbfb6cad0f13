"""Is `llmagentos serve` faster than llama.cpp's servers, for many clients that stream answers?

usage: python benchmarks/vs_servers.py MODEL.gguf [--peer NAME=COMMAND ...] [--rounds N] [--threads N] [--clients N]

COMMAND starts a server with OpenAI's /v1/completions on the port that it is given for {port}; {model}, {threads} and
{context} (tokens for all clients together) are put in as well. For llama.cpp's own server and llama-cpp-python's:

    --peer "llama-server=llama-server -m {model} -t {threads} -c {context} -np 16 -fa --port {port}"
    --peer "llama-cpp-python=peer/bin/python -m llama_cpp.server --model {model} --n_threads {threads} --n_ctx 4096 \
            --interrupt_requests false --port {port}"

Servers are up one at a time, in turn in each round, and each answers once before it is timed.
"""

from __future__ import annotations

import random
import shlex
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness
from light_reader import Streams, read_streams

OURS = "llmagentos"
_SERVE = "{python} -m llmagentos serve --model m={model} --port {port} --threads {threads} --quiet"
_WORDS = "the a river mountain old green small city reads writes walks with under over seven light house and but"


def request(number: int, n_tokens: int) -> dict[str, Any]:
    """A completion of about 64 tokens of prompt, unlike all others."""
    words = random.Random(number).choices(_WORDS.split(), k=56)
    prompt = f"Story {number}: " + " ".join(words)
    return {"model": "m", "prompt": prompt, "max_tokens": n_tokens, "temperature": 0, "ignore_eos": True}


@contextmanager
def running(command: str, values: dict[str, Any]) -> Iterator[int]:
    """The port of a server that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parts = [part.format(port=port, **values) for part in shlex.split(command)]
    with subprocess.Popen(parts, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(server, port, parts)
            yield port
        finally:
            server.kill()


def _wait(server: subprocess.Popen[bytes], port: int, parts: list[str]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"{shlex.join(parts)} ended with code {server.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).read()
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{shlex.join(parts)} does not answer")


def timed(port: int, number: int, n_clients: int, n_tokens: int) -> Streams:
    read_streams(port, [request(10_000 + number, 16)])
    return read_streams(port, [request(100 * number + client, n_tokens) for client in range(n_clients)])


def main() -> None:
    parser = harness.engine_parser(__doc__)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    commands = {OURS: _SERVE} | dict(peer.split("=", 1) for peer in arguments.peer)
    context = arguments.clients * (arguments.tokens + 128)
    values = {"python": sys.executable, "model": Path(arguments.model).resolve(), "threads": arguments.threads}
    runs: dict[str, list[Streams]] = {name: [] for name in commands}
    for number in range(arguments.rounds):
        for name, command in commands.items():
            with running(command, values | {"context": context}) as port:
                run = timed(port, number, arguments.clients, arguments.tokens)
            runs[name].append(run)
            print(
                f"round {number + 1}: {name}: {run.tokens_per_second:.0f} tokens/s, first token p95 {run.late:.2f} s; "
                f"the reader took {run.cpu:.2f} of a CPU",
                flush=True,
            )
    for name in list(commands)[1:]:
        faster = statistics.median(
            ours.tokens_per_second / theirs.tokens_per_second
            for ours, theirs in zip(runs[OURS], runs[name], strict=True)
        )
        sooner = statistics.median(ours.late / theirs.late for ours, theirs in zip(runs[OURS], runs[name], strict=True))
        print(f"against {name}: {faster:.2f} times the tokens/s, {sooner:.2f} of the time to the first token (p95)")
    result = {
        "model": Path(arguments.model).name,
        "clients": arguments.clients,
        "tokens": arguments.tokens,
        "commands": commands,
        "runs": {
            name: [{"tokens_per_second": run.tokens_per_second, "first_p95": run.late} for run in some]
            for name, some in runs.items()
        },
    }
    print(f"appended to {harness.record('vs_servers', result)}")


if __name__ == "__main__":
    main()
