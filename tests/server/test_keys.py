"""API keys: who is let in, and how much each may ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.server.config import ModelConfig, ServerConfig
from llmagentos.server.keys import Allowance, read_keys
from llmagentos.server.new_key import new_key
from llmagentos.server.page import STATIC

from .running import Running, running

ASK = {"model": "tiny", "prompt": "a", "max_tokens": 5, "temperature": 0, "ignore_eos": True}


def entry(name: str, key: str, **limits: int) -> str:
    lines = [f"[keys.{name}]", f'sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"']
    return "\n".join([*lines, *(f"{limit} = {value}" for limit, value in limits.items()), ""])


@pytest.fixture(scope="module")
def guarded(models: dict[str, ModelConfig], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("keys") / "keys.toml"
    file.write_text(
        entry("free", "sk-free")
        + entry("other", "sk-other")
        + entry("rare", "sk-rare", requests_per_minute=2)
        + entry("short", "sk-short", tokens_per_minute=10)
    )
    with running(ServerConfig(models=models, keys_file=file)) as server:
        yield server


def ask(server: Running, key: str | None, path: str = "/v1/completions") -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    with server.client(headers=headers) as client:
        return client.post(path, json=ASK) if path == "/v1/completions" else client.get(path)


def test_only_who_has_a_key_is_served(guarded: Running) -> None:
    assert ask(guarded, "sk-free").status_code == 200
    for key in (None, "sk-fre", "sk-free2", hashlib.sha256(b"sk-free").hexdigest(), "\u00e9"):
        for path in ("/v1/completions", "/v1/models", "/metrics"):
            refused = ask(guarded, key.encode("latin-1") if key else key, path)  # type: ignore[arg-type]
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert refused.json()["error"]["code"] == "invalid_api_key"


def routes_of(routes: Any) -> Iterator[Any]:
    """All routes, those of included routers too, which newer FastAPI keeps together."""
    for route in routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else routes_of(included.routes)


def test_what_needs_no_key_is_listed_and_nothing_else_does_without(guarded: Running) -> None:
    app: Any = guarded.server.config.app
    free = set[str]()
    with guarded.client() as client:
        for route in routes_of(app.routes):
            path = route.path.replace("{model:path}", "vectors") or "/"
            if client.request(min(getattr(route, "methods", None) or {"GET"}), path).status_code != 401:
                free.add(path)
        page = [f"/{file.relative_to(STATIC).as_posix()}" for file in STATIC.rglob("*") if file.is_file()]
        assert {client.get(path).status_code for path in page} == {200}
        assert {client.get(path).status_code for path in ("/nowhere", "//js/dom.js", "/js")} == {401}
    assert free == {"/health", "/ready", "/openapi.json", "/"}
    assert list(guarded.serving.models.loaded) == ["tiny"]


def test_health_needs_no_key(guarded: Running) -> None:
    assert ask(guarded, None, "/health").json() == {"status": "ok"}
    assert ask(guarded, None, "/ready").json() == {"status": "ready"}


def test_requests_beyond_a_keys_limit_are_told_when_to_come_back(guarded: Running) -> None:
    assert [ask(guarded, "sk-rare").status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(guarded, "sk-rare")
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert ask(guarded, "sk-free").status_code == 200


def test_tokens_are_charged_when_they_are_known(guarded: Running) -> None:
    statuses = [ask(guarded, "sk-short").status_code for _ in range(3)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_what_one_key_has_asked_is_not_found_in_the_cache_by_another(guarded: Running) -> None:
    asked = {**ASK, "prompt": "a b c d " * 40}

    def cached(key: str) -> int:
        with guarded.client(headers={"Authorization": f"Bearer {key}"}) as client:
            usage = client.post("/v1/completions", json=asked).json()["usage"]
        return int(usage["prompt_tokens_details"]["cached_tokens"])

    assert [cached("sk-free"), cached("sk-other")] == [0, 0]
    assert cached("sk-free") > 0


def test_an_allowance_comes_back_bit_by_bit() -> None:
    now = [0.0]
    allowance = Allowance(60, lambda: now[0])
    allowance.take(90)
    assert allowance.seconds_until(1) == 31
    now[0] = 31.0
    assert allowance.seconds_until(1) == 0
    now[0] = 1e6
    assert allowance.seconds_until(60) == 0
    assert allowance.seconds_until(61) == 1


def test_a_new_key_is_known_by_its_hash(tmp_path: Path) -> None:
    key, digest = new_key()
    file = tmp_path / "keys.toml"
    file.write_text(f'[keys.me]\nsha256 = "{digest}"\n')
    assert read_keys(file).client(f"Bearer {key}").name == "me"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "keys"),
        ("[keys.a]\nsha256 = 'short'\n", "keys.a.sha256='short'"),
        ("[keys.a]\nsecret = 'x'\n", "keys.a"),
        ("not toml", "no TOML"),
    ],
)
def test_a_file_of_keys_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(InvalidRequestError, match=message):
        read_keys(file)
