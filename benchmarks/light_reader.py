"""One light reader of many streamed completions at once, on sockets of its own.

It shares the machine with the server, as clients seldom do: so it reads what has come every 5 ms instead of being woken
by each packet, looks at it only at the end, and tells its own CPU time.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Streams:
    """What came.

    Attributes:
        tokens_per_second: of all streams, from the first request to the end of the last stream.
        first: seconds to the first event of each stream, sorted.
        cpu: of one CPU, the share that reading took.
    """

    tokens_per_second: float
    first: list[float]
    cpu: float

    @property
    def late(self) -> float:
        """The 95th percentile of the seconds to the first event."""
        return self.first[int(0.95 * len(self.first))]


def read_streams(port: int, requests: Sequence[Mapping[str, Any]]) -> Streams:
    """Ask for all completions at once, and read until the last one ends."""
    selector = selectors.DefaultSelector()
    received: dict[int, bytearray] = {}
    first: dict[int, float] = {}
    began, cpu = time.perf_counter(), time.process_time()
    for request in requests:
        asking = socket.create_connection(("127.0.0.1", port))
        asking.sendall(_message(request))
        selector.register(asking, selectors.EVENT_READ)
        received[asking.fileno()] = bytearray()
    while selector.get_map():
        time.sleep(PAUSE_SECONDS)
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            data, piece = received[key.fd], connection.recv(1 << 16)
            data += piece
            if key.fd not in first and b"data: " in data:
                first[key.fd] = time.perf_counter() - began
            if not piece or b"data: [DONE]" in data[-64:]:
                selector.unregister(connection)
                connection.detach()  # its number stays taken until the end, or another would get it
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    for number in received:
        socket.socket(fileno=number).close()
    return Streams(sum(map(_tokens, received.values())) / seconds, sorted(first.values()), cpu / seconds)


def _message(request: Mapping[str, Any]) -> bytes:
    body = json.dumps({"stream": True, "stream_options": {"include_usage": True}, **request}).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _tokens(data: bytearray) -> int:
    """As the stream says at its end; else its events with text, of which these servers send one for each token."""
    told = re.search(rb'"completion_tokens": ?(\d+)', data)
    return int(told[1]) if told else len(re.findall(rb'"text": ?"[^"]', data))
