"""A stand-in for the server: it serves the page's files, and streams answers that a test has set."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import llmagentos

STATIC = Path(llmagentos.__file__).parent / "server" / "static"
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"


@dataclass
class Answer:
    """What the server says to one chat request.

    Attributes:
        chunks: what is streamed.
        status, error, headers: another status than 200 comes with an error's message in place of the chunks.
        go_on: where given, the end waits for this.
        n_before: how many chunks do not wait for it; None for all.
        breaks_off: whether the connection ends without the stream's end.
    """

    chunks: Sequence[dict[str, Any]] = ()
    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    go_on: threading.Event | None = None
    n_before: int | None = None
    breaks_off: bool = False


def said(text: str, *, finish: str = "stop", model: str = "small") -> list[dict[str, Any]]:
    """The chunks of an answer in words, as a server sends them that was asked for the usage."""
    pieces = text.split(" ")
    deltas = [{"content": piece if at == 0 else f" {piece}"} for at, piece in enumerate(pieces)]
    return _chunks(model, [{"role": "assistant", "content": ""}, *deltas], finish, len(pieces))


def called(*calls: tuple[str, str, Sequence[str]]) -> list[dict[str, Any]]:
    """The chunks of an answer that calls tools; of each the id, the name, and the pieces of its arguments."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for index, (call_id, name, pieces) in enumerate(calls):
        named = {"name": name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": named}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    return _chunks("small", deltas, "tool_calls", 12)


def _chunks(model: str, deltas: Sequence[dict[str, Any]], finish: str, n_tokens: int) -> list[dict[str, Any]]:
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish})
    usage = {"prompt_tokens": 31, "completion_tokens": n_tokens, "total_tokens": 31 + n_tokens}
    usage |= {"prompt_tokens_details": {"cached_tokens": 16}}
    return [
        *({**common, "choices": [choice], "usage": None} for choice in choices),
        {**common, "choices": [], "usage": usage},
    ]


class StandIn(ThreadingHTTPServer):
    """Listens on loopback, at a port that is free.

    Attributes:
        answers: to the next chat requests, in order.
        requests: bodies of the chat requests so far.
        models: names of the models.
        api_key: what requests must bring, if anything.
        metrics: texts of /metrics; the last one stays.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reset()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reset(self) -> None:
        """Forget what was, for the next test."""
        self.answers: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self.models = ["small", "large"]
        self.api_key = ""
        self.metrics = [""]
        self.left = threading.Event()  # a client has left in the middle of a stream

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers close connections that they do not need any more."""


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body sent after its head would wait for the head's acknowledgement

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            texts = self.server.metrics
            if self._is_allowed():
                self._send(200, "text/plain", (texts.pop(0) if len(texts) > 1 else texts[0]).encode())
        elif path == "/v1/models":
            cards = [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in self.server.models]
            if self._is_allowed():
                self._send_json(200, {"object": "list", "data": cards})
        else:
            file = STATIC / path.lstrip("/") if path != "/" else STATIC / "index.html"
            if file.is_file():
                kept = {"Cache-Control": "max-age=3600"}  # for the tests that follow
                self._send(200, mimetypes.guess_type(file.name)[0] or "", file.read_bytes(), kept)
            else:
                self._send_json(404, {"error": {"message": f"no {path}"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_allowed():
            return
        self.server.requests.append(body)
        answer = self.server.answers.pop(0)
        if answer.status != 200:
            self._send_json(answer.status, {"error": {"message": answer.error}}, answer.headers)
            return
        self._start(200, "text/event-stream", {"Connection": "close"})
        self.close_connection = True
        try:
            self._write(answer.chunks[: answer.n_before])
            if answer.go_on:
                self._wait(answer.go_on)
            if answer.n_before is not None:
                self._write(answer.chunks[answer.n_before :])
            if not answer.breaks_off:
                self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.left.set()

    def _write(self, chunks: Sequence[dict[str, Any]]) -> None:
        for piece in _torn(chunks):
            self.wfile.write(piece)
            self.wfile.flush()

    def _wait(self, go_on: threading.Event) -> None:
        # Comments find out whether the client is still there.
        while not go_on.wait(0.02):
            self.wfile.write(b": waiting\n\n")

    def _is_allowed(self) -> bool:
        key = self.server.api_key
        if not key or self.headers["Authorization"] == f"Bearer {key}":
            return True
        self._send_json(401, {"error": {"message": "no valid key"}})
        return False

    def _send_json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(value).encode(), headers)

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._start(status, kind, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _start(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Security-Policy": POLICY, **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _torn(chunks: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Events, torn apart in places where a character or a line may be."""
    for at, chunk in enumerate(chunks):
        event = f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
        tear = at * 7 % len(event)
        yield event[:tear]
        yield event[tear:]
