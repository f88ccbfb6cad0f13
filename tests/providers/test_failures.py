"""What goes wrong between here and a service: attempts, waits, time-outs, keys."""

from __future__ import annotations

import logging
import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from llmagentos import LLM, LLMAgentOSError, ProviderError
from llmagentos.providers.retrying import ATTEMPTS
from llmagentos.providers.statuses import retry_after_in
from tests.providers.conftest import KEY
from tests.providers.stand_in import Reply, StandIn
from tests.providers.test_openai import HELLO, answer, word


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    return Reply(
        {"error": {"message": message, "type": "x", "code": code}},
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.fixture
def llm(server: StandIn) -> LLM:
    return LLM(f"{server.url}/v1#m")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(llm: LLM, server: StandIn, waits: list[float], status: int) -> None:
    server.will(error(status), error(status), Reply(answer()))
    assert llm.chat(HELLO).text == "Hi."
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 1.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_will_not_pass_is_not(llm: LLM, server: StandIn, waits: list[float], status: int) -> None:
    server.will(error(status, "that is wrong"))
    with pytest.raises(ProviderError, match=rf"\({status}\): .*that is wrong") as caught:
        llm.chat(HELLO)
    assert (caught.value.retryable, caught.value.status) == (False, status)
    assert (len(server.requests), waits) == (1, [])


def test_a_quota_that_is_used_up_is_final(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(429, "pay", code="insufficient_quota"))
    with pytest.raises(ProviderError, match="pay") as caught:
        llm.chat(HELLO)
    assert (caught.value.retryable, waits) == (False, [])


def test_attempts_come_to_an_end(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(503, "busy"))
    with pytest.raises(ProviderError, match="busy") as caught:
        llm.chat(HELLO)
    assert caught.value.retryable
    assert len(server.requests) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1


def test_the_service_says_how_long_to_wait(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(429, retry_after="7"), error(429, retry_after="0.5"), Reply(answer()))
    llm.chat(HELLO)
    assert waits == [7.0, 0.5]


def test_a_wait_that_is_too_long_is_left_to_the_caller(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(429, retry_after="3600"))
    with pytest.raises(ProviderError, match="it asks to wait 3600 s") as caught:
        llm.chat(HELLO)
    assert (caught.value.retryable, caught.value.retry_after, waits) == (True, 3600.0, [])


def test_a_wait_may_be_a_date() -> None:
    seconds = retry_after_in({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None
    assert 28 <= seconds <= 31
    assert retry_after_in({"retry-after": formatdate(time.time() - 30, usegmt=True)}) == 0
    assert retry_after_in({"retry-after": "soon"}) is None
    assert retry_after_in({"retry-after": "inf"}) is None
    assert retry_after_in({}) is None


def test_a_stream_is_tried_again_until_it_begins(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(429, retry_after="2"), Reply(events=[word("x"), {"choices": [{"finish_reason": "stop"}]}]))
    assert "".join(chunk.text for chunk in llm.stream(HELLO)) == "x"
    assert waits == [2.0]


def test_a_connection_that_breaks_is_tried_again(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(Reply(answer(), drop=True), Reply(answer()))
    assert llm.chat(HELLO).text == "Hi."
    assert len(waits) == 1


def test_a_service_that_is_not_there_is_named(waits: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(ProviderError, match=f"{url}.* cannot be reached") as caught:
            LLM(f"{url}#m").chat(HELLO)
    assert (caught.value.retryable, caught.value.status) == (True, None)
    assert len(waits) == ATTEMPTS - 1


def test_a_call_has_no_more_than_its_time(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer(), delay=3.0))
    began = time.monotonic()
    with pytest.raises(ProviderError, match=r"did not answer in time|within the call's timeout") as caught:
        llm.chat(HELLO, timeout=0.2)
    assert caught.value.retryable
    assert time.monotonic() - began < 2.5
    assert len(server.requests) == 1


def test_a_stream_has_no_more_than_its_time(llm: LLM, server: StandIn) -> None:
    server.will(Reply(events=[word("x")] * 500, gap=0.01))
    with pytest.raises(ProviderError, match="within the call's timeout"):
        list(llm.stream(HELLO, timeout=0.2))
    assert server.hung_up.wait(5)


def test_no_wait_is_longer_than_the_time_that_is_left(llm: LLM, server: StandIn, waits: list[float]) -> None:
    server.will(error(429, retry_after="50"))
    with pytest.raises(ProviderError, match="50 s"):
        llm.chat(HELLO, timeout=5)
    assert waits == []


@pytest.mark.parametrize(
    ("model", "variables"), [("openai:gpt-6-luna", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY or GOOGLE_API_KEY")]
)
def test_a_missing_key_is_asked_for_by_its_variable(model: str, variables: str) -> None:
    with pytest.raises(ProviderError, match=rf"needs an API key: set the environment variable {variables}"):
        LLM(model)


def test_a_key_that_cannot_be_one_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk secret\u2026")
    with pytest.raises(ProviderError, match="OPENAI_API_KEY holds no API key") as caught:
        LLM("openai:m")
    assert "secret" not in str(caught.value)


def test_openais_key_goes_to_no_other_server(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    server.will(error(401, "who are you?"), Reply(answer()))
    with pytest.raises(ProviderError, match="it asks for a key, which is read from LLMAGENTOS_API_KEY"):
        LLM(f"{server.url}/v1#m").chat(HELLO)
    assert "authorization" not in server.requests[0].headers
    assert "openai-organization" not in server.requests[0].headers
    monkeypatch.setenv("LLMAGENTOS_API_KEY", " other-key\n")
    LLM(f"{server.url}/v1#m").chat(HELLO)
    assert server.requests[1].headers["authorization"] == "Bearer other-key"


def test_openais_key_goes_where_openai_is_said_to_be(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1/")
    server.will(Reply(answer()))
    LLM(f"{server.url}/v1#m").chat(HELLO)
    LLM("openai:m").chat(HELLO)
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2


def test_keys_are_in_no_message_and_no_log(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, waits: list[float]
) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    server.will(error(500, f"your key {KEY} is fine"), error(401, f"the key {KEY} is wrong"))
    texts = []
    with caplog.at_level(logging.DEBUG):
        for model in ("openai:m", "gemini:m"):
            llm = LLM(model)
            with pytest.raises(ProviderError) as caught:
                llm.chat(HELLO)
            texts += [str(caught.value), repr(caught.value), repr(llm), repr(llm.info), repr(caught.value.__cause__)]
    texts += [record.getMessage() for record in caplog.records]
    assert any("the key *** is wrong" in text for text in texts)
    assert not any(KEY in text for text in texts)


def test_a_closed_model_answers_no_more(llm: LLM, server: StandIn) -> None:
    llm.close()
    calls: list[Any] = [lambda: llm.chat(HELLO), lambda: llm.embed("a"), lambda: llm.generate_text("a")]
    for call in calls:
        with pytest.raises(LLMAgentOSError, match="this model is closed"):
            call()
    llm.close()
    assert not server.requests
