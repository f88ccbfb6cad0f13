"""Applications offered on the network."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from llmagentos.errors import ApplicationError, InvalidRequestError, LLMAgentOSError
from llmagentos.market.applications.index import download, fetch, read_index

ARCHIVE = b"an archive"
ENTRY = {
    "name": "bread",
    "version": "1.0",
    "description": "About bread.",
    "licence": "MIT",
    "archive": "files/bread.zip",
    "n_bytes": len(ARCHIVE),
    "sha256": hashlib.sha256(ARCHIVE).hexdigest(),
}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Contents by path; "" is the server's URL."""
    monkeypatch.delenv("LLMAGENTOS_OFFLINE", raising=False)
    contents: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents.get(self.path)
            if self.path == "/cut":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"50\r\nless than 0x50 bytes")
                return
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    contents[""] = f"http://127.0.0.1:{server.server_address[1]}"
    contents["/files/bread.zip"] = ARCHIVE
    yield contents
    server.shutdown()
    server.server_close()


def offers(served: dict[str, Any], *entries: object, told: list[LLMAgentOSError] | None = None) -> Any:
    served["/index.json"] = json.dumps({"applications": entries}).encode()
    return read_index(served[""] + "/index.json", [].append if told is None else told.append)


def test_what_is_no_entry_is_named(served: dict[str, Any]) -> None:
    told: list[LLMAgentOSError] = []
    assert [offer.manifest.name for offer in offers(served, 1, ENTRY, told=told)] == ["bread"]
    assert str(told[0]) == f"{served['']}/index.json, entry 1: it must be an object, not 1"


def test_what_is_offered_is_downloaded_and_checked(served: dict[str, Any]) -> None:
    (offer,) = offers(served, {**ENTRY, "tools": ["files"]})
    assert (offer.manifest.name, offer.manifest.tools) == ("bread", ("files",))
    assert offer.url == served[""] + "/files/bread.zip"
    assert download(offer) == ARCHIVE


def test_other_bytes_than_the_index_says_are_refused(served: dict[str, Any]) -> None:
    (offer,) = offers(served, ENTRY)
    for content, message in ((b"AN archive", "and should have"), (b"an", "has 2 bytes"), (b"x" * 11, "more than 10")):
        served["/files/bread.zip"] = content
        with pytest.raises(ApplicationError, match=message):
            download(offer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "x"}, "'sha256'"),
        ({"n_bytes": -1}, "'n_bytes'"),
        ({"name": "../x"}, "'name'"),
        ({"x": 1}, "field 'x'"),
        ({"archive": "http://["}, r"the archive 'http://\[' is no URL"),
        ({"name": "x" * 100_000}, "'name'"),
        ({"n_bytes": -(10**1000)}, "'n_bytes'"),
        ({"tools": [[1] * 100_000]}, "'tools'"),
        ({"x" * 100_000: 1}, "unknown field"),
    ],
)
def test_malformed_entries_are_named(served: dict[str, Any], change: dict[str, Any], message: str) -> None:
    told: list[LLMAgentOSError] = []
    found = offers(served, ENTRY, {**ENTRY, **change}, {**ENTRY, "name": "cake"}, told=told)
    assert [offer.manifest.name for offer in found] == ["bread", "cake"]
    assert [isinstance(error, InvalidRequestError) for error in told] == [True]
    assert re.search(f"entry 2: .*{message}", str(told[0]))
    assert len(str(told[0])) < 500


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"applications": 1}', b"\xff"])
def test_what_is_no_index_is_an_error(served: dict[str, Any], content: bytes) -> None:
    served["/index.json"] = content
    with pytest.raises(ApplicationError, match="applications"):
        read_index(served[""] + "/index.json")


def test_what_cannot_be_fetched_is_an_error(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("file:///etc/passwd", "ftp://example.org/x", "index.json"):
        with pytest.raises(ApplicationError, match="not a URL that begins with http"):
            fetch(url, 100)
    for url in (
        "http://[",
        "http://[x]/",
        "http://a b/",
        "http://a\nb/",
        "http://h:port/",
        "http://127.0.0.1:1/ä",
        "http:",
    ):
        with pytest.raises(ApplicationError, match=r"is no URL|could not be fetched"):
            fetch(url, 100)
    with pytest.raises(ApplicationError, match="could not be fetched"):
        fetch(served[""] + "/cut", 100)
    with pytest.raises(ApplicationError, match="Not Found"):
        fetch(served[""] + "/missing", 100)
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    with pytest.raises(ApplicationError, match="OFFLINE forbids"):
        fetch(served[""] + "/files/bread.zip", 100)
