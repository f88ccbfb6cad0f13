"""Fetching from allowed hosts only, at checked addresses, within limits."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools import addresses
from llmagentos.tools.http_fetch import MAX_REDIRECTS, Fetcher

from .web_server import Server, serving

CERTIFICATE = Path(__file__).parent / "localhost.pem"
_DEFAULT_CONTEXT = ssl.create_default_context


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def fetcher(server: Server, **options: Any) -> Fetcher:
    return Fetcher([f"127.0.0.1:{server.port}"], allow_private=True, **options)


def url(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}/{path}"


def test_what_is_at_a_url_is_fetched(server: Server) -> None:
    answer = fetcher(server).fetch(url(server, "json?q=a b&c=%20#part"))
    assert (answer.status, answer.content_type, answer.text()) == (200, "application/json", '{"name": "Zoë"}')
    path, headers = server.asked[0]
    assert path == "/json?q=a%20b&c=%20"
    assert headers["Host"] == f"127.0.0.1:{server.port}"


def test_redirects_are_followed_to_allowed_hosts(server: Server) -> None:
    answer = fetcher(server).fetch(url(server, "to//hello"))
    assert (answer.url, answer.body) == (url(server, "hello"), b"hello")


def test_other_statuses_are_answers_too(server: Server) -> None:
    assert fetcher(server).fetch(url(server, "missing")).status == 404


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("bytes/1001", "more than 1,000 bytes"),
        ("endless", "more than 1,000 bytes"),
        ("short", "991 bytes are missing"),
        ("gzip", "compressed"),
        ("loop", f"more than {MAX_REDIRECTS} redirects"),
        ("to/file:///etc/passwd", "cannot be fetched"),
        ("to/http://user:password@127.0.0.1/", "user name"),
        ("to/http://other.example/", "'other.example' is not among those"),
        ("to/http://127.0.0.1:1/", "'127.0.0.1:1' is not among those"),
    ],
)
def test_answers_beyond_the_limits_are_errors(server: Server, path: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        fetcher(server, max_bytes=1000).fetch(url(server, path))


def test_a_body_of_just_the_limit_is_whole(server: Server) -> None:
    assert len(fetcher(server, max_bytes=1000).fetch(url(server, "bytes/1000")).body) == 1000


@pytest.mark.parametrize("part", ["header", "body"])
def test_an_answer_that_drips_ends_at_the_deadline(server: Server, part: str) -> None:
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"takes more than 0\.3 seconds"):
        fetcher(server, timeout=0.3).fetch(url(server, f"drip/{part}"))
    assert time.monotonic() - started < 4  # a whole answer would take five seconds


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "169.254.169.254",
        "10.0.0.1",
    ],
)
def test_hosts_that_are_not_public_are_never_asked(server: Server, host: str) -> None:
    with pytest.raises(ToolError, match=r"not on the public internet|no address|not a URL"):
        Fetcher(["*", f"*:{server.port}"]).fetch(f"http://{host}:{server.port}/")
    assert server.asked == []


@pytest.fixture
def secure(server: Server) -> Server:
    """The server, over TLS, with a certificate of its own for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has programs trust the certificate."""
    monkeypatch.setattr(ssl, "create_default_context", lambda: _DEFAULT_CONTEXT(cafile=CERTIFICATE))


def test_certificates_are_checked_against_the_hosts_name(secure: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fetches = Fetcher([f"*:{secure.port}"], allow_private=True)
    with pytest.raises(ToolError, match="CERTIFICATE_VERIFY_FAILED"):
        fetches.fetch(f"https://localhost:{secure.port}/")
    trusting(monkeypatch)
    assert fetches.fetch(f"https://localhost:{secure.port}/").body == b"hello"
    with pytest.raises(ToolError, match="CERTIFICATE_VERIFY_FAILED"):
        fetches.fetch(f"https://127.0.0.1:{secure.port}/")


def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        fetches = Fetcher([f"127.0.0.1:{port}"], allow_private=True, timeout=0.3)
        for scheme in ("http", "https"):
            with pytest.raises(ToolError, match=r"takes more than 0\.3 seconds"):
                fetches.fetch(f"{scheme}://127.0.0.1:{port}/")


def resolving(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> list[str]:
    """Has names stand for addresses, of which each look-up takes the next; returns what was looked up."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = names.get(host, [host])
        address = found.pop(0) if len(found) > 1 else found[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_stands_for_a_private_address_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, {"innocent.example": ["127.0.0.1"]})
    with pytest.raises(ToolError, match=r"'innocent\.example' is not on the public internet"):
        Fetcher([f"innocent.example:{server.port}"]).fetch(f"http://innocent.example:{server.port}/")
    assert server.asked == []


def test_a_host_with_one_private_address_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, 1, 6, "", (address, server.port)) for address in ("8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(ToolError, match="not on the public internet"):
        Fetcher(["*:*".replace(":*", f":{server.port}")]).fetch(f"http://both.example:{server.port}/")


def public_is(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Has one address of this machine pass for one of the public internet."""
    monkeypatch.setattr(addresses, "is_public", lambda found: found == ipaddress.ip_address(address))


def test_a_redirect_to_a_private_address_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    public_is(monkeypatch, "127.0.0.1")
    with serving("127.0.0.2") as inside:
        resolving(monkeypatch, {"inside.example": ["127.0.0.2"]})
        fetches = Fetcher([f"*:{server.port}", f"*:{inside.port}"])
        assert fetches.fetch(url(server, "hello")).body == b"hello"
        for host in ("127.0.0.2", "inside.example"):
            with pytest.raises(ToolError, match="not on the public internet"):
                fetches.fetch(url(server, f"to/http://{host}:{inside.port}/"))
        assert inside.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    public_is(monkeypatch, "127.0.0.1")
    asked = resolving(monkeypatch, {"turning.example": ["127.0.0.1", "127.0.0.2"]})
    answer = Fetcher([f"turning.example:{server.port}"]).fetch(f"http://turning.example:{server.port}/")
    assert answer.body == b"hello"
    assert asked == ["turning.example"]  # looked up once: a second time it would be another machine


@pytest.mark.parametrize(
    ("allowed", "asked", "is_allowed"),
    [
        ("example.org", "http://example.org/", True),
        ("example.org", "https://EXAMPLE.org./", True),
        ("example.org", "http://www.example.org/", False),
        ("example.org", "http://example.org:8080/", False),
        ("example.org", "http://example.org.evil.example/", False),
        ("example.org", "http://evilexample.org/", False),
        ("example.org:8080", "http://example.org:8080/", True),
        ("*.example.org", "http://a.b.example.org/", True),
        ("*.example.org", "http://example.org/", False),
        ("*.example.org", "http://aexample.org/", False),
        ("*", "http://anything.example/", True),
        ("*", "http://anything.example:22/", False),
        ("[2606:4700::1]", "http://[2606:4700::1]/", True),
    ],
)
def test_which_hosts_are_allowed(monkeypatch: pytest.MonkeyPatch, allowed: str, asked: str, is_allowed: bool) -> None:
    def connect(host: str, port: int, *_: Any, **__: Any) -> Any:
        raise ToolError("reached")

    monkeypatch.setattr(addresses, "connect", connect)
    with pytest.raises(ToolError, match="reached" if is_allowed else "not among those"):
        Fetcher([allowed]).fetch(asked)


@pytest.mark.parametrize(
    "asked",
    ["file:///etc/passwd", "ftp://example.org/", "example.org", "//example.org", "http://", "http:///x", "", "http://[::1",
     "gopher://x", "http://a b/", "http://example.org:99999/", "javascript:alert(1)", "http://\0/"],
)  # fmt: skip
def test_what_is_no_url_of_the_web_is_an_error(asked: str) -> None:
    with pytest.raises(ToolError):
        Fetcher(["example.org"]).fetch(asked)


def test_a_line_break_in_a_url_adds_no_header(server: Server) -> None:
    answer = fetcher(server).fetch(url(server, "hello\r\nX-Evil: 1"))
    assert answer.status == 200
    assert "X-Evil" not in server.asked[0][1]


@pytest.mark.parametrize("allow", ["example.org", ["http://example.org"], ["example.org/path"], [""], [7]])
def test_what_is_no_host_cannot_be_allowed(allow: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"no host to allow|list of hosts"):
        Fetcher(allow)


def test_limits_must_be_positive() -> None:
    with pytest.raises(InvalidRequestError, match="max_bytes=0"):
        Fetcher(["*"], max_bytes=0)
