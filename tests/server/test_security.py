"""Hostile requests: each is refused quickly, the server lives, and other streams go on."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmagentos.server.app import create_app
from llmagentos.server.config import ModelConfig, ServerConfig
from llmagentos.server.page import mount_page

from .running import Running, running

CHAT: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}

POST = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def hardened(models: dict[str, ModelConfig]) -> Iterator[Running]:
    config = ServerConfig(models=models, max_body_bytes=100_000, header_timeout=2.0, body_timeout=2.0)
    with running(config) as server:
        yield server


@pytest.fixture(autouse=True)
def alive(hardened: Running) -> Iterator[None]:
    """Whatever a test does, a stream beside it and the next request get what they should."""
    with (
        hardened.client() as client,
        client.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as answer,
    ):
        yield
        assert answer.read().endswith(b"data: [DONE]\n\n")
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200


def raw(server: Running, data: bytes, timeout: float = 60.0) -> bytes:
    """What comes back on a connection of its own, until the server closes it."""
    with socket.create_connection(server.address, timeout=timeout) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


def send_many(connection: socket.socket, data: bytes) -> None:
    for _ in range(10_000):
        connection.sendall(data)


def post(server: Running, body: bytes, **headers: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"} | headers)


def test_a_body_that_says_it_is_huge_is_not_read(hardened: Running) -> None:
    head = POST + b"Content-Length: 1000000000\r\n\r\n"
    assert raw(hardened, head).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_say_it_is_huge_is_cut(hardened: Running) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(hardened.address, timeout=60) as connection:
        connection.sendall(head)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_many(connection, b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


@pytest.mark.parametrize(
    "slow",
    [
        b"POST /v1/completions HTTP/1.1\r\nHost: loc",
        b"",
        POST + b"Content-Length: 9\r\n\r\n{",
    ],
)
def test_a_client_that_is_too_slow_loses_its_connection(hardened: Running, slow: bytes) -> None:
    received = raw(hardened, slow)
    assert received == b"" or received.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}GET /smuggled HTTP/1.1\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1e9\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"Bad Header: x\r\n\r\n",
    ],
)
def test_requests_whose_end_is_not_clear_are_refused(hardened: Running, head: bytes) -> None:
    received = raw(hardened, POST + head)
    assert received.startswith(b"HTTP/1.1 4")
    assert received.count(b"HTTP/1.1 ") == 1  # nothing behind it was taken for a request


def test_headers_without_end_lose_the_connection(hardened: Running) -> None:
    with socket.create_connection(hardened.address, timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_many(connection, b"X-Filler: " + b"x" * 10_000 + b"\r\n")


def test_line_breaks_get_into_no_header(hardened: Running) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a\rSet-Cookie: b\r\nConnection: close\r\n\r\n"
    assert b"Set-Cookie" not in raw(hardened, head).partition(b"\r\n\r\n")[0]
    head = b"GET /%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert b"Set-Cookie" not in raw(hardened, head).partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"model": "\xed\xa0\x80"}',
        b'{"model": "\\ud800", "messages": []}',
        b"[" * 90_000,
        b"[" * 40_000 + b"]" * 40_000,
        b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
        b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "metadata": '
        + b"[" * 80
        + b"]" * 80
        + b"}",
        b'{"seed": 1' + b"0" * 5000 + b"}",
    ],
)
def test_bodies_that_are_no_requests(hardened: Running, body: bytes) -> None:
    answer = post(hardened, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_nul_bytes_are_letters_like_others(hardened: Running) -> None:
    message = [{"role": "user", "content": "a\0b"}]
    assert post(hardened, json.dumps(CHAT | {"messages": message}).encode()).status_code == 200
    assert post(hardened, json.dumps(CHAT | {"model": "tiny\0"}).encode()).status_code == 404


@pytest.mark.parametrize("path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "a%00b"])
def test_a_models_name_in_an_address_is_no_path(hardened: Running, path: str) -> None:
    head = f"GET /v1/models/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = raw(hardened, head.encode())
    assert received.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in received


def test_an_unknown_route_is_not_found_in_openais_shape(hardened: Running) -> None:
    with hardened.client() as client:
        for answer in (client.post("/v1/audio/speech", json={}), client.get("/v1/files"), client.delete("/v1/files/a")):
            assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")
            assert "no such route, or not for this method: /openapi.json" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": ["a"] * 20_000},
        {"prompt": ["a"] * 100, "n": 100},
        {"n": 10**9},
        {"best_of": 10**9},
        {"num_beams": 10**9},
        {"max_tokens": 10**30},
        {"logit_bias": {"9" * 500: 1.0}},
        {"stop": ["x" * 5] * 10_000},
    ],
)
def test_counts_that_nothing_holds_are_refused_at_once(hardened: Running, more: dict[str, Any]) -> None:
    body = {"model": "tiny", "prompt": "a", "max_tokens": 1} | more
    with hardened.client() as client:
        assert client.post("/v1/completions", json=body).status_code == 400


def test_a_body_that_is_packed_is_not_unpacked(hardened: Running) -> None:
    packed = gzip.compress(b" " * 50_000_000 + b"{}")
    assert len(packed) < 100_000
    assert post(hardened, packed, **{"Content-Encoding": "gzip"}).status_code == 400


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "tiny/../tiny", "..\\tiny", "hf:org/repo", ""])
def test_a_models_name_is_no_path(hardened: Running, name: str) -> None:
    assert post(hardened, json.dumps(CHAT | {"model": name}).encode()).status_code == 404


def deep_schema(depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def schema_format(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}


@pytest.mark.parametrize(
    "response_format",
    [
        schema_format(deep_schema(25)),
        schema_format(deep_schema(500)),
        schema_format({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        schema_format({"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(2000)}}),
        schema_format({"type": "array", "minItems": 100_000_000}),
        schema_format({"type": "string", "pattern": "(a|a)*" * 50}),
        schema_format({"type": "string", "minLength": 10_000_000}),
        {"type": "regex", "regex": "(((a{1,1000}){1,1000}){1,1000}){1,1000}"},
        {"type": "regex", "regex": "(a+)+$"},
        {"type": "regex", "regex": "(.*a){25}"},
        {"type": "regex", "regex": "(x+x+)+y"},
        {"type": "regex", "regex": "(" * 5000},
        {"type": "grammar", "grammar": 'start: "a" start start start | "b"'},
    ],
)
def test_schemas_and_patterns_that_blow_up(hardened: Running, response_format: Any) -> None:
    answer = post(hardened, json.dumps(CHAT | {"response_format": response_format}).encode())
    assert answer.status_code in (200, 400), answer.text


def test_only_this_machines_names_are_answered(hardened: Running) -> None:
    with hardened.client() as client:
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/health", headers={"Host": "localhost:1234"}).status_code == 200
        assert client.get("/health", headers={"Host": "[::1]:80"}).status_code == 200


def test_web_pages_of_other_origins_get_nothing(hardened: Running) -> None:
    with hardened.client() as client:
        body = json.dumps(CHAT)
        assert (
            client.post("/v1/chat/completions", content=body, headers={"Content-Type": "text/plain"}).status_code == 415
        )
        preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.options("/v1/chat/completions", headers=preflight)
        assert answer.status_code == 404
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_an_origin_that_is_let_in(models: dict[str, ModelConfig]) -> None:
    config = ServerConfig(models={"tiny": models["tiny"]}, cors_origins=["https://good.example"])
    with running(config) as server, server.client() as client:
        good, evil = {"Origin": "https://good.example"}, {"Origin": "https://evil.example"}
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        assert client.options("/v1/completions", headers=good | preflight).status_code == 200
        answer = client.post("/v1/completions", json={}, headers=good)
        assert answer.headers["access-control-allow-origin"] == "https://good.example"
        assert "access-control-allow-origin" not in client.post("/v1/completions", json={}, headers=evil).headers


def test_no_file_but_the_pages_is_served(models: dict[str, ModelConfig], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    page = tmp_path / "static"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html>page")
    (page / "link").symlink_to(tmp_path / "secret")
    app = create_app(ServerConfig(models=models))
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "name", "") != "page"]
    mount_page(app, page)

    async def get(*paths: str) -> list[tuple[int, str]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [(answer.status_code, answer.text) for answer in [await client.get(path) for path in paths]]

    import asyncio

    found = asyncio.run(get("/", "/..%2fsecret", "/%2e%2e/secret", "/link", "/a%00b", "/index.html/x"))
    assert found[0] == (200, "<!doctype html>page")
    assert all(status == 404 and "secret" not in text for status, text in found[1:])
