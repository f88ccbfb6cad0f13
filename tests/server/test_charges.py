"""Tokens are charged to a key where they were computed, and only there, whether or not the client has stayed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos import Completion, Usage
from llmagentos.server.config import JudgeConfig, ModelConfig, ModerationConfig, ServerConfig

from .running import Held, Running, Slowed, running, until
from .test_keys import entry

LIMIT = 50
LONG: dict[str, Any] = {"model": "tiny", "prompt": "a", "max_tokens": 200, "ignore_eos": True, "temperature": 0}
TEXTS: dict[str, Any] = {"model": "vectors", "input": ["cat " * 20] * 3}


@pytest.fixture(scope="module")
def charging(models: dict[str, ModelConfig], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file: Path = tmp_path_factory.mktemp("keys") / "keys.toml"
    names = ["refused", "embedding", "ranking", "judging"]
    file.write_text(entry("free", "free") + "".join(entry(name, name, tokens_per_minute=LIMIT) for name in names))
    one = models["tiny"].model_copy(update={"max_running": 1, "max_queued": 1})
    judges = {"rude": JudgeConfig(model="tiny", policy="Nothing rude.")}
    moderation = ModerationConfig(judges=judges)
    with (
        running(ServerConfig(models={**models, "tiny": one}, keys_file=file, moderation=moderation)) as server,
        server.client(headers={"Authorization": "Bearer free"}) as client,
    ):
        client.post("/v1/embeddings", json=TEXTS)  # which loads the model
        yield server


def is_charged(server: Running, key: str) -> bool:
    """Whether a key has used more tokens than it may."""
    with server.client(headers={"Authorization": f"Bearer {key}"}) as client:
        return client.get("/v1/models").status_code == 429


def test_a_prompt_that_was_refused_costs_nothing(charging: Running) -> None:
    def ask(key: str, body: dict[str, Any]) -> int:
        with charging.client(headers={"Authorization": f"Bearer {key}"}) as client:
            return client.post("/v1/completions", json=body).status_code

    with Slowed(charging) as slowed:
        asked = [threading.Thread(target=ask, args=("free", LONG)) for _ in range(2)]
        asked[0].start()
        slowed.turns.release(2)
        until(lambda: slowed.n_steps >= 2)
        asked[1].start()
        until(lambda: len(charging.engine("tiny")._scheduler.waiting) == 1)
        assert [ask("refused", LONG | {"prompt": "x" * 40}) for _ in range(3)] == [503] * 3
        slowed.turns.release(1000)
        for thread in asked:
            thread.join()
    assert not is_charged(charging, "refused")
    assert ask("refused", LONG) == 200
    assert is_charged(charging, "refused")


@pytest.mark.parametrize(
    ("key", "path", "body"),
    [
        ("embedding", "/v1/embeddings", TEXTS),
        ("ranking", "/v1/rerank", {"model": "vectors", "query": "cat", "documents": TEXTS["input"]}),
    ],
)
def test_vectors_that_nobody_waits_for_any_more_are_charged(
    charging: Running, key: str, path: str, body: dict[str, Any]
) -> None:
    with Held(charging.encoder("vectors")._backend, "run") as held:
        charging.hang_up(path, body, lambda: held.n_begun == 1, key)
        until(lambda: charging.serving.capacity.n_requests == 0)
        assert not is_charged(charging, key)
    until(lambda: is_charged(charging, key))


def test_what_a_judge_reads_is_charged_though_nobody_waits(charging: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = charging.serving.models.loaded["tiny"]
    said = Completion("allowed", [], None, "stop", Usage(20 * LIMIT, 1), parsed={"verdict": "allowed"})
    monkeypatch.setattr(llm, "chat", lambda *_, **__: said)
    with Held(llm, "chat") as held:
        charging.hang_up("/v1/moderations", {"input": ["a", "b"]}, lambda: held.n_begun == 1, "judging")
        until(lambda: charging.serving.capacity.n_requests == 0)
        assert not is_charged(charging, "judging")
    until(lambda: is_charged(charging, "judging"))
    assert held.n_begun == 1
