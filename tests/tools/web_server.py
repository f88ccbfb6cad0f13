"""A web server on this machine, for the tests of what fetches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<html><head><title>Bread</title><script>alert(1)</script></head>
<body><nav><a href="/">Home</a></nav><main><h2>Flour</h2><p>Use <b>500 g</b>
of flour.</p><ul><li>salt</li></ul></main></body></html>"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body sent after its head would wait for the head's acknowledgement

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        kind, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        with suppress(BrokenPipeError, ConnectionResetError):
            if kind == "to":
                self._answer(302, b"", {"Location": rest})
            elif kind == "loop":
                self._answer(301, b"", {"Location": "/loop"})
            elif kind == "bytes":
                self._answer(200, b"x" * int(rest), {"Content-Type": "text/plain"})
            elif kind == "endless":
                self._endless()
            elif kind == "short":
                self._answer(200, b"only this", {"Content-Length": "1000", "Connection": "close"})
                self.close_connection = True
            elif kind == "gzip":
                self._answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})
            elif kind == "drip":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " if rest == "header" else b"HTTP/1.0 200 OK\r\n\r\n")
            elif kind == "page":
                self._answer(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
            elif kind == "json":
                self._answer(
                    200, '{"name": "Zoë"}'.encode("latin-1"), {"Content-Type": "application/json; charset=latin-1"}
                )
            elif kind == "image":
                self._answer(200, b"\x89PNG", {"Content-Type": "image/png"})
            elif kind == "missing":
                self._answer(404, b"not here", {"Content-Type": "text/plain"})
            else:
                self._answer(200, b"hello", {"Content-Type": "text/plain"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    def _drip(self, start: bytes) -> None:
        self.wfile.write(start)
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def serving(address: str = "127.0.0.1") -> Iterator[Server]:
    """A server that serves while the context lasts."""
    server = Server(address)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
