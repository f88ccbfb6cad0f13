"""Work that takes long: it holds up nobody else, and ends when its time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.server.config import JudgeConfig, ModelConfig, ModerationConfig, ServerConfig
from llmagentos.server.routes.embeddings import _TEXTS_TOGETHER, _parts

from .running import Held, Running, running, until

EMBED: dict[str, Any] = {"model": "vectors", "input": "cat"}


@pytest.fixture(scope="module")
def short(models: dict[str, ModelConfig]) -> Iterator[Running]:
    """A server whose models have little time."""
    judges = {"rude": JudgeConfig(model="tiny", policy="Nothing rude.")}
    config = ServerConfig(models=models, request_timeout=0.2, moderation=ModerationConfig(judges=judges))
    with running(config) as server, server.client() as client:
        client.post("/tokenize", json={"model": "vectors", "prompt": "cat"})  # which loads the model
        yield server


def test_embeddings_hold_up_no_prompt_and_no_metrics(served: Running) -> None:
    with served.client(timeout=20.0) as client, ThreadPoolExecutor(8) as threads:
        client.post("/v1/embeddings", json=EMBED)
        with Held(served.encoder("vectors")._backend, "run"):
            embeddings = [threads.submit(client.post, "/v1/embeddings", json=EMBED) for _ in range(8)]
            until(lambda: served.serving.capacity.n_requests == 8)
            asked = {"model": "tiny", "prompt": "a", "max_tokens": 2}
            assert client.post("/v1/completions", json=asked).status_code == 200
            assert client.post("/tokenize", json={"prompt": "a"}).status_code == 200
            assert client.get("/metrics").status_code == 200
        assert [one.result().status_code for one in embeddings] == [200] * 8


@pytest.mark.parametrize(
    ("path", "body", "held"),
    [
        ("/v1/embeddings", EMBED, lambda server: Held(server.encoder("vectors")._backend, "run")),
        (
            "/v1/rerank",
            {"model": "vectors", "query": "cat", "documents": ["dog"]},
            lambda server: Held(server.encoder("vectors")._backend, "run"),
        ),
        ("/tokenize", {"prompt": "a"}, lambda server: Held(server.serving.models.loaded["tiny"], "tokenize")),
        ("/v1/moderations", {"input": "a"}, lambda server: Held(server.serving.models.loaded["tiny"], "chat")),
    ],
)
def test_what_takes_too_long_is_given_up(
    short: Running, path: str, body: dict[str, Any], held: Callable[[Running], Held]
) -> None:
    with short.client(timeout=20.0) as client, held(short):
        answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")


@given(st.lists(st.one_of(st.text(max_size=30), st.lists(st.integers(), max_size=8)), min_size=1), st.integers(1, 60))
def test_texts_are_computed_in_parts_that_are_not_too_large(texts: list[Any], n_characters: int) -> None:
    parts = list(_parts(texts, n_characters))
    assert [text for part in parts for text in part] == texts
    for part in parts:
        sizes = [len(text) if isinstance(text, str) else 4 * len(text) for text in part]
        assert len(part) == 1 or (len(part) <= _TEXTS_TOGETHER and sum(sizes) <= n_characters)
