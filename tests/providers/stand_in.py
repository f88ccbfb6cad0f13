"""A stand-in for a service on loopback: it answers what a test says, in order, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """One answer.

    Attributes:
        body: JSON, or bytes that are sent as they are.
        events: a stream of server-sent events instead: JSON, or bytes that are sent as they are.
        delay: seconds before it.
        gap: seconds before each event but the first.
        drop: close the connection after what there is, in the middle of the answer.
    """

    body: Any = None
    events: list[Any] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    gap: float = 0.0
    drop: bool = False


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any


class StandIn:
    """Serves until it is closed. `requests` is what came; `hung_up` is set once a client has left a stream early."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.hung_up = threading.Event()
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body sent after its head would wait for the head's acknowledgement

            def do_POST(self) -> None:
                stand_in._answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def will(self, *replies: Reply) -> None:
        """Adds answers. The last one is given again and again."""
        self.replies += replies

    def forget(self) -> None:
        """What was asked, and what it would answer. Answers that are under way set the former `hung_up`."""
        self.requests.clear()
        self.replies.clear()
        self.hung_up = threading.Event()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        hung_up = self.hung_up
        with self._lock:
            self.requests.append(Request(handler.path, headers, json.loads(raw)))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        time.sleep(reply.delay)
        try:
            if reply.events is None:
                self._whole(handler, reply)
            else:
                self._stream(handler, reply, reply.events)
        except (BrokenPipeError, ConnectionResetError):
            hung_up.set()
            handler.close_connection = True

    def _whole(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body) + (100 if reply.drop else 0)))
        handler.end_headers()
        handler.wfile.write(body)
        if reply.drop:
            _hang_up(handler)

    def _stream(self, handler: BaseHTTPRequestHandler, reply: Reply, events: list[Any]) -> None:
        handler.send_response(reply.status)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for index, event in enumerate(events):
            time.sleep(reply.gap if index else 0.0)
            data = event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()
        if reply.drop:
            _hang_up(handler)
        else:
            handler.wfile.write(b"0\r\n\r\n")


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
