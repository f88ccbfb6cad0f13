"""Running a server: disconnects, back-pressure, models that come and go, metrics, logs, and its end."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from llmagentos.server.config import ModelConfig, ServerConfig
from tests.engine.engines import assert_idle

from .running import Running, Slowed, running, until

ENDLESS: dict[str, Any] = {"model": "tiny", "prompt": "a", "max_tokens": None, "ignore_eos": True, "temperature": 0}
SHORT: dict[str, Any] = {"model": "tiny", "prompt": "a", "max_tokens": 2, "temperature": 0}


def is_idle(server: Running) -> bool:
    stats = server.serving.models.loaded["tiny"].stats()
    return stats.n_running == stats.n_waiting == 0


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_leaves_frees_its_request_within_a_step(served: Running, is_stream: bool) -> None:
    with Slowed(served) as slowed:
        body = json.dumps(ENDLESS | {"stream": is_stream}).encode()
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(served.address) as connection:
            connection.sendall(head.encode() + body)
            until(lambda: not is_idle(served))
            slowed.turns.release(3)
            until(lambda: slowed.n_steps == 3)
        until(lambda: all(r.cancel_requested for r in served.engine("tiny")._scheduler.running))
        slowed.turns.release(1)
        until(lambda: is_idle(served))
        assert slowed.n_steps <= 4
    assert_idle(served.engine("tiny"))


def test_many_clients_that_leave_at_once_leave_nothing_behind(served: Running) -> None:
    body = json.dumps(ENDLESS | {"stream": True}).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    connections = [socket.create_connection(served.address, timeout=60) for _ in range(64)]
    for connection in connections:
        connection.sendall(request)
    for connection in connections:
        assert connection.recv(12) == b"HTTP/1.1 200"
    for connection in connections:
        connection.close()
    until(lambda: is_idle(served))
    assert_idle(served.engine("tiny"))
    until(lambda: served.serving.capacity.n_requests == 0)


def test_two_hundred_clients_at_once(served: Running, http: httpx.Client) -> None:
    expected = http.post("/v1/completions", json=SHORT).json()["choices"]

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            base_url=served.url, timeout=120, limits=httpx.Limits(max_connections=200)
        ) as many:
            return await asyncio.gather(*(many.post("/v1/completions", json=SHORT) for _ in range(200)))

    assert all(answer.status_code == 200 and answer.json()["choices"] == expected for answer in asyncio.run(ask()))


def test_too_many_at_once_are_turned_away_in_order(models: dict[str, ModelConfig]) -> None:
    one = models["tiny"].model_copy(update={"max_running": 1, "max_queued": 2})
    with running(ServerConfig(models={"tiny": one}, max_requests=6)) as server, server.client() as client:
        with Slowed(server) as slowed, ThreadPoolExecutor(30) as threads:
            slowed.turns.release(1)
            asked = [threads.submit(client.post, "/v1/completions", json=SHORT) for _ in range(30)]
            until(lambda: sum(one.done() for one in asked) >= 24)
            slowed.turns.release(1000)
            answers = [one.result() for one in asked]
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 503}
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(
            answer.headers["Retry-After"] and answer.json()["error"]["code"] == "overloaded" for answer in refused
        )
        assert client.post("/v1/completions", json=SHORT).status_code == 200


def test_a_model_that_takes_too_long_is_stopped(models: dict[str, ModelConfig]) -> None:
    config = ServerConfig(models={"tiny": models["tiny"]}, request_timeout=0.05)
    with running(config) as server, server.client() as client:
        with Slowed(server) as slowed, ThreadPoolExecutor(2) as threads:
            slowed.turns.release(1)
            whole = threads.submit(client.post, "/v1/completions", json=ENDLESS)
            streamed = threads.submit(client.post, "/v1/completions", json=ENDLESS | {"stream": True})
            time.sleep(0.1)
            slowed.turns.release(1000)
            assert whole.result().status_code == 504
            assert whole.result().json()["error"]["code"] == "timeout"
            events = streamed.result().text.strip().split("\n\n")
        assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "timeout"


def test_models_are_loaded_when_asked_for_and_unloaded_when_idle(models: dict[str, ModelConfig]) -> None:
    with running(ServerConfig(models=models, unload_after=0.2)) as server, server.client() as client:
        assert list(server.serving.models.loaded) == ["tiny"]
        embed = {"model": "vectors", "input": "cat"}
        first = client.post("/v1/embeddings", json=embed)
        assert list(server.serving.models.loaded) == ["tiny", "vectors"]
        until(lambda: list(server.serving.models.loaded) == ["tiny"])
        assert client.post("/v1/embeddings", json=embed).json() == first.json()


def test_a_model_that_cannot_be_loaded_is_an_error_each_time(models: dict[str, ModelConfig]) -> None:
    broken = {**models, "broken": ModelConfig(path="./nowhere.gguf")}
    with running(ServerConfig(models=broken)) as server, server.client() as client:
        for _ in range(2):
            answer = client.post("/v1/completions", json=SHORT | {"model": "broken"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_failed")
            assert "nowhere" not in answer.text  # files of the server are no client's business
        assert client.post("/v1/completions", json=SHORT).status_code == 200


def test_counters_outlive_a_model_that_is_unloaded(models: dict[str, ModelConfig]) -> None:
    hosted = {"vectors": models["vectors"], "tiny": models["tiny"]}
    with running(ServerConfig(models=hosted, unload_after=0.2)) as server, server.client() as client:
        for n in (1, 2):
            client.post("/v1/completions", json=SHORT | {"ignore_eos": True, "max_tokens": 3})
            until(lambda: list(server.serving.models.loaded) == ["vectors"])
            lines = client.get("/metrics").text.splitlines()
            assert f'llmagentos_generated_tokens_total{{model="tiny"}} {3 * n}.0' in lines
            assert f'llmagentos_requests_ended_total{{model="tiny",reason="length"}} {n}.0' in lines


def test_metrics_count(models: dict[str, ModelConfig]) -> None:
    with running(ServerConfig(models=models)) as server, server.client() as client:
        client.post("/v1/completions", json=SHORT | {"ignore_eos": True})
        client.get("/nowhere")
        client.post("/v1/nowhere", json={})
        client.get("/v1/models/none")
        for path in ("/", "/js/chat.js", "/health", "/ready", "/metrics"):
            client.get(path)
        text = client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    # Routes by their templates, the page's files together, all that there is not together, and no polls.
    prefix = "llmagentos_http_requests_total"
    counted = {name.removeprefix(prefix): n for name, n in lines.items() if name.startswith(prefix)}
    assert counted == {
        '{route="/v1/completions",status="200"}': "1.0",
        '{route="/v1/models/{model:path}",status="404"}': "1.0",
        '{route="other",status="404"}': "2.0",
        '{route="page",status="200"}': "2.0",
    }
    assert lines['llmagentos_generated_tokens_total{model="tiny"}'] == "2.0"
    for name in ("queue", "time_to_first_token", "inter_token"):
        assert lines[f'llmagentos_{name}_seconds_count{{model="tiny"}}'] == "1.0"
    assert lines['llmagentos_requests_ended_total{model="tiny",reason="length"}'] == "1.0"


def test_the_log_has_no_prompts_and_an_id_for_each_request(
    http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="llmagentos.access"):
        answer = http.post(
            "/v1/completions?secret=1", json=SHORT | {"prompt": "whisper"}, headers={"X-Request-ID": "a-1"}
        )
        assert answer.headers["X-Request-ID"] == "a-1"
        other = http.get("/health", headers={"X-Request-ID": "not valid"})
        assert other.headers["X-Request-ID"] not in ("", "not valid")
        until(lambda: len(caplog.records) >= 2)
    line = caplog.messages[0]
    assert "POST /v1/completions 200" in line
    assert "id=a-1" in line
    assert "model=tiny" in line
    assert "whisper" not in caplog.text
    assert "secret" not in caplog.text


def test_streams_under_way_are_finished_when_the_server_stops(models: dict[str, ModelConfig]) -> None:
    with running(ServerConfig(models=models)) as server, server.client() as client, Slowed(server) as slowed:
        asked = SHORT | {"stream": True, "max_tokens": 20, "ignore_eos": True}
        with client.stream("POST", "/v1/completions", json=asked) as answer:
            slowed.turns.release(2)
            lines = answer.iter_lines()
            next(lines)
            server.server.should_exit = True
            until(lambda: server.serving.capacity.is_stopping)
            slowed.turns.release(1000)
            assert [line for line in lines if line][-1] == "data: [DONE]"


def test_told_twice_it_ends_streams_at_once_and_in_order(models: dict[str, ModelConfig]) -> None:
    with running(ServerConfig(models=models)) as server, server.client() as client:
        asked = ENDLESS | {"stream": True, "model": "tiny"}
        with Slowed(server) as slowed, client.stream("POST", "/v1/completions", json=asked) as answer:
            slowed.turns.release(2)
            lines = answer.iter_lines()
            next(lines)
            server.server.handle_exit(signal.SIGINT, None)
            until(lambda: server.serving.capacity.is_stopping)
            server.server.handle_exit(signal.SIGINT, None)
            until(lambda: not server.serving.models.loaded)
            slowed.turns.release(1)
            last = [line for line in lines if line][-1]
        assert "error" in json.loads(last.removeprefix("data: "))


def test_streams_that_do_not_finish_are_told_so(models: dict[str, ModelConfig]) -> None:
    config = ServerConfig(models=models, drain_timeout=0.2)
    with running(config) as server, server.client() as client:
        asked = ENDLESS | {"stream": True, "model": "tiny"}
        with Slowed(server) as slowed, client.stream("POST", "/v1/completions", json=asked) as answer:
            slowed.turns.release(2)
            lines = answer.iter_lines()
            next(lines)
            server.server.should_exit = True
            time.sleep(0.5)
            slowed.turns.release(1)
            last = [line for line in lines if line][-1]
        assert "error" in json.loads(last.removeprefix("data: "))
