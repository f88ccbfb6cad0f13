"""Models of services behind the server: calls are passed on, and so is what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from llmagentos import InvalidRequestError, LLMAgentOSError
from llmagentos.server.config import ModelConfig, ServerConfig, read_config
from tests.providers.stand_in import Reply, StandIn

from .running import Running, running, until

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}}
ASK: dict[str, Any] = {"model": "far", "messages": [{"role": "user", "content": "Hello"}]}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def answer(content: str | None = "Hi.", reason: str = "stop", n: int = 1, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"choices": [{"index": i, "finish_reason": reason, "message": said} for i in range(n)], "usage": USAGE}


def piece(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None}


ENDING = [{"choices": [], "usage": USAGE}, b"data: [DONE]\n\n"]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setattr("llmagentos.providers.retrying.sleep", lambda _: None)
        stand_in = StandIn()
        yield stand_in
        stand_in.close()


@pytest.fixture
def service(stand_in: StandIn) -> StandIn:
    stand_in.forget()
    return stand_in


@pytest.fixture(scope="module")
def passing(stand_in: StandIn, models: dict[str, ModelConfig]) -> Iterator[Running]:
    far = ModelConfig(path=f"{stand_in.url}/v1#some/model")
    with running(ServerConfig(models={"far": far, "vectors": models["vectors"]}, request_timeout=3.0)) as server:
        yield server


@pytest.fixture
def far(passing: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{passing.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_an_answer_and_its_usage_are_passed_on(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(answer()))
    found = far.chat.completions.create(**ASK, seed=5, max_tokens=9, stop="x")
    assert found.choices[0].message.content == "Hi."
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 3)
    assert found.usage.prompt_tokens_details is not None
    assert found.usage.prompt_tokens_details.cached_tokens == 4
    assert found.model == "far"
    sent = service.requests[0]
    assert sent.path == "/v1/chat/completions"
    # What the client left out is the service's choice.
    expected = {"model": "some/model", "messages": ASK["messages"], "seed": 5, "max_tokens": 9, "stop": ["x"]}
    assert sent.body == expected


def test_what_the_client_says_is_sent_even_where_it_is_the_default(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(answer()))
    far.chat.completions.create(**ASK, temperature=1.0, top_p=1.0)
    assert (service.requests[0].body["temperature"], service.requests[0].body["top_p"]) == (1.0, 1.0)


def test_an_answer_streams_with_its_usage(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(events=[piece({"content": "Hi"}), piece({"content": "."}), piece({}, "stop"), *ENDING]))
    chunks = list(far.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hi."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10


def test_calls_of_tools_are_passed_on_whole_and_streamed(far: openai.OpenAI, service: StandIn) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    service.will(Reply(answer(None, "tool_calls", tool_calls=[call])))
    found = far.chat.completions.create(**ASK, tools=[WEATHER], tool_choice="required")
    calls: Any = found.choices[0].message.tool_calls
    assert (calls[0].id, calls[0].function.name, calls[0].function.arguments) == ("c1", "weather", '{"city": "Rome"}')
    assert found.choices[0].finish_reason == "tool_calls"
    assert service.requests[0].body["tools"][0]["function"]["name"] == "weather"
    service.replies.clear()
    begin = {**call, "index": 0, "function": {"name": "weather", "arguments": '{"city": '}}
    rest = {"index": 0, "function": {"arguments": '"Rome"}'}}
    events = [piece({"tool_calls": [begin]}), piece({"tool_calls": [rest]}), piece({}, "tool_calls"), *ENDING]
    service.will(Reply(events=events))
    deltas: list[Any] = [
        one
        for chunk in far.chat.completions.create(**ASK, tools=[WEATHER], stream=True)
        for one in chunk.choices[0].delta.tool_calls or ()
    ]
    assert "".join(one.function.arguments or "" for one in deltas) == '{"city": "Rome"}'


def test_responses_and_texts_are_passed_on(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(answer()), Reply({"choices": [{"text": " b", "finish_reason": "length"}], "usage": USAGE}))
    assert far.responses.create(model="far", input="Hello").output_text == "Hi."
    text = far.completions.create(model="far", prompt="a", max_tokens=1, echo=True)
    assert (text.choices[0].text, text.choices[0].finish_reason) == ("a b", "length")


def test_several_answers_count_once(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(answer(n=2)))
    found = far.chat.completions.create(**ASK, n=2)
    assert len(found.choices) == 2
    assert found.usage is not None
    assert found.usage.total_tokens == 10


def test_embeddings_are_passed_on(far: openai.OpenAI, service: StandIn) -> None:
    rows = [{"index": i, "embedding": [float(i), 2.0]} for i in range(2)]
    service.will(Reply({"data": rows, "usage": {"prompt_tokens": 5, "total_tokens": 5}}))
    found = far.embeddings.create(model="far", input=["a", "b"])
    assert [one.embedding for one in found.data] == [[0.0, 2.0], [1.0, 2.0]]
    assert found.usage.total_tokens == 5


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/chat/completions", ASK | {"top_k": 5}, "top_k=5 is not possible"),
        ("/v1/chat/completions", ASK | {"logprobs": True}, "logprobs=0 is not possible"),
        ("/v1/chat/completions", ASK | {"n": 2, "stream": True}, "n=2 is not valid for a stream"),
        ("/v1/chat/completions", ASK | {"response_format": {"type": "regex", "regex": "a"}}, "response_format"),
        ("/v1/chat/completions", ASK | {"temperature": -1}, "temperature=-1"),
        ("/v1/completions", {"model": "far", "prompt": [1, 2]}, "token ids are not possible"),
        ("/v1/completions", {"model": "far", "prompt": ["a", "b"], "stream": True}, "one prompt at a time"),
        ("/v1/rerank", {"model": "far", "query": "a", "documents": ["b"]}, "runs at a service"),
        ("/tokenize", {"model": "far", "prompt": "a"}, "runs at a service"),
    ],
)
def test_what_a_service_cannot_do_is_an_error(
    passing: Running, service: StandIn, path: str, body: dict[str, Any], said: str
) -> None:
    with passing.client() as client:
        refused = client.post(path, json=body)
    assert refused.status_code == 400
    assert said in refused.json()["error"]["message"]
    assert service.requests == []


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply({"error": {"message": "no"}}, status=401), 401, "service_refused_key"),
        (Reply({"error": {"message": "slow"}}, status=429, headers={"retry-after": "77"}), 429, "service_rate_limit"),
        (Reply({"error": {"message": "none"}}, status=404), 404, "model_not_found"),
        (Reply({"error": {"message": "bad"}}, status=400), 400, "service_refused_request"),
        (Reply({"error": {"message": "oh"}}, status=500), 502, "service_failed"),
        (Reply(b"<html>"), 502, "service_failed"),
    ],
)
def test_what_a_service_says_has_the_status_that_clients_know(
    passing: Running, service: StandIn, reply: Reply, status: int, code: str, is_stream: bool
) -> None:
    service.will(reply)
    with passing.client() as client:
        failed = client.post("/v1/chat/completions", json=ASK | {"stream": is_stream})
    assert (failed.status_code, failed.json()["error"]["code"]) == (status, code)
    if status == 429:
        assert failed.headers["Retry-After"] == "77"


def test_a_service_that_does_not_answer_in_time(far: openai.OpenAI, service: StandIn) -> None:
    service.will(Reply(answer(), delay=10.0))
    with pytest.raises(openai.InternalServerError) as caught:
        far.chat.completions.create(**ASK)
    assert caught.value.status_code == 504


def test_a_stream_that_breaks_off_ends_with_an_error(passing: Running, service: StandIn) -> None:
    service.will(Reply(events=[piece({"content": "Hi"})], drop=True))
    with passing.client() as client:
        events = client.post("/v1/chat/completions", json=ASK | {"stream": True}).text.strip().split("\n\n")
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "service_failed"


def test_a_client_that_leaves_ends_the_services_stream(passing: Running, service: StandIn) -> None:
    service.will(Reply(events=[piece({"content": "x" * 1000})] * 200, gap=0.02))
    with (
        passing.client() as client,
        client.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as streamed,
    ):
        next(streamed.iter_lines())
    assert service.hung_up.wait(10)
    until(lambda: passing.serving.capacity.n_requests == 0)


def test_tokens_are_counted(passing: Running, far: openai.OpenAI, service: StandIn) -> None:
    def counted() -> list[float]:
        with passing.client() as client:
            text = client.get("/metrics").text
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        name = 'llmagentos_service_tokens_total{kind="%s",model="far"}'
        return [float(lines.get(name % kind, 0)) for kind in ("prompt", "generated")]

    before = counted()
    service.will(Reply(answer()))
    far.chat.completions.create(**ASK)
    assert counted() == [before[0] + 7.0, before[1] + 3.0]


def test_an_answer_that_nobody_waits_for_any_more_is_counted(
    passing: Running, far: openai.OpenAI, service: StandIn
) -> None:
    def counted() -> list[str]:
        with passing.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith("llmagentos_service_tokens_total")]

    service.will(Reply(answer()))
    far.chat.completions.create(**ASK)
    before = counted()
    service.forget()
    service.will(Reply(answer(), delay=0.3))
    passing.hang_up("/v1/chat/completions", ASK, lambda: bool(service.requests))
    until(lambda: passing.serving.capacity.n_requests == 0)
    until(lambda: counted() != before)


def test_a_model_without_a_key_says_which_variable_it_wants(
    models: dict[str, ModelConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    far = ModelConfig(path="openai:gpt-5")
    with running(ServerConfig(models={"tiny": models["tiny"], "far": far})) as server, server.client() as client:
        failed = client.post("/v1/chat/completions", json=ASK)
    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "model_failed")
    assert "OPENAI_API_KEY" in failed.json()["error"]["message"]


def test_settings_of_models_that_run_here_are_not_for_services(tmp_path: Path) -> None:
    given = {"models": {"here": "./x.gguf", "far": "http://127.0.0.1:1/v1#m", "gpt": "gpt-3"}}
    found = read_config(None, given, {"threads": 2}).models
    assert [found[name].threads for name in given["models"]] == [2, None, None]

    from llmagentos.server.model_pool import load

    with pytest.raises(InvalidRequestError, match="threads=3 is of no use"):
        load(ModelConfig(path="http://127.0.0.1:1/v1#m", threads=3), lambda _: None)
    with pytest.raises(LLMAgentOSError, match="names no model"):
        load(ModelConfig(path="openai:"), lambda _: None)


def test_a_services_failure_leaves_other_models_alone(passing: Running, service: StandIn) -> None:
    service.will(Reply({"error": {"message": "oh"}}, status=500))
    with passing.client() as client:
        assert client.post("/v1/chat/completions", json=ASK).status_code == 502
        embedded: httpx.Response = client.post("/v1/embeddings", json={"model": "vectors", "input": "cat"})
    assert embedded.status_code == 200
