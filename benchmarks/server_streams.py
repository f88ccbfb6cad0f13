"""What does HTTP cost? Streaming clients of `llmagentos serve` against the same requests inside the process.

usage: python benchmarks/server_streams.py [MODEL] [--rounds N] [--threads N] [--clients N] [--tokens N]

All clients are one light reader in this process, on sockets of its own, which looks for the token counts only at the
end; its CPU time is reported, for it shares the machine with the server. Both sides are timed in turn, and answer the
same prompts.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import harness

from llmagentos import LLM, SamplingParams


@dataclass(frozen=True)
class Run:
    """One round of one side: generated tokens per second, and seconds to the first byte of each client, sorted."""

    tokens_per_second: float
    first: list[float]
    reader_cpu: float


def prompts_of(n_clients: int, number: int) -> list[list[int]]:
    """Prompts of 64 tokens that share nothing with each other or with other rounds."""
    return [[(13 * i + 977 * client + 31 * number) % 30000 + 100 for i in range(64)] for client in range(n_clients)]


def in_process(llm: LLM, prompts: list[list[int]], n_tokens: int) -> Run:
    params = SamplingParams(temperature=0, max_tokens=n_tokens, ignore_eos=True)
    began = time.perf_counter()
    n = sum(completion.usage.completion_tokens for completion in llm.generate(prompts, params))
    return Run(n / (time.perf_counter() - began), [], 0.0)


def over_http(port: int, prompts: Sequence[list[int]], n_tokens: int) -> Run:
    selector = selectors.DefaultSelector()
    received: dict[int, bytearray] = {}
    first: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    for prompt in prompts:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(_request(prompt, n_tokens))
        selector.register(connection, selectors.EVENT_READ)
        received[connection.fileno()] = bytearray()
    while selector.get_map():
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            data, piece = received[key.fd], connection.recv(1 << 16)
            if piece and not data:
                first.append(time.perf_counter() - began)
            data += piece
            if not piece or b"data: [DONE]" in data[-64:]:
                selector.unregister(connection)
                connection.close()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    counts = [re.search(rb'"completion_tokens":(\d+)', data) for data in received.values()]
    return Run(sum(int(count[1]) for count in counts if count) / seconds, sorted(first), cpu / seconds)


def _request(prompt: list[int], n_tokens: int) -> bytes:
    fields = {
        "model": "m",
        "prompt": prompt,
        "max_tokens": n_tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body = json.dumps(fields).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


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
                http = over_http(port, prompts, arguments.tokens)
                if number < 0:
                    continue  # memory is touched for the first time
                rounds.append((inside.tokens_per_second, http.tokens_per_second))
                late = http.first[int(0.95 * len(http.first))]
                share = http.tokens_per_second / inside.tokens_per_second
                print(
                    f"round {number + 1}: {inside.tokens_per_second:.0f} tokens/s inside, "
                    f"{http.tokens_per_second:.0f} over HTTP ({share:.2f}); first byte p95 {late:.2f} s; "
                    f"the reader took {http.reader_cpu:.2f} of a CPU",
                    flush=True,
                )
        finally:
            server.terminate()
    print(f"median {statistics.median(http / inside for inside, http in rounds):.2f}")
    settings = {"model": arguments.model, "clients": arguments.clients, "tokens": arguments.tokens}
    print(f"appended to {harness.record('server_streams', settings | {'tokens_per_second': rounds})}")


if __name__ == "__main__":
    main()
