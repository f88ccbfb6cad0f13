"""Gemini's protocol over real connections, in shapes that its service answers in."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from llmagentos import LLM, Completion, InvalidRequestError, ProviderError, SamplingParams, Usage
from tests.providers.conftest import KEY
from tests.providers.stand_in import Reply, StandIn
from tests.providers.test_openai import CLOCK, HELLO, WEATHER

USAGE = {
    "promptTokenCount": 9,
    "candidatesTokenCount": 3,
    "thoughtsTokenCount": 20,
    "totalTokenCount": 32,
    "cachedContentTokenCount": 4,
}
SIGNATURE = "c2lnbmVk"  # base64, as on the wire


def answer(*parts: dict[str, Any], reason: str | None = "STOP") -> dict[str, Any]:
    ending = {} if reason is None else {"finishReason": reason}
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **ending}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-3.8-flash", "responseId": "r"}


def calling(name: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
    id = {"id": more.pop("id")} if "id" in more else {}
    return {"functionCall": {"name": name, "args": args, **id}, **more}


@pytest.fixture
def llm(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> LLM:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    return LLM("gemini:gemini-3.8-flash")


def test_a_chat_is_a_completion_with_usage(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer({"text": "let me see", "thought": True}, {"text": "Hi"}, {"text": "."})))
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "system", "content": "Be brief."},
        *HELLO,
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Well?"},
    ]
    found = llm.chat(talk)
    assert found == Completion("Hi.", [], None, "stop", Usage(9, 23))
    assert found.usage.cached_tokens == 4
    (request,) = server.requests
    assert request.path.endswith("/models/gemini-3.8-flash:generateContent")
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.path
    assert request.body["systemInstruction"]["parts"] == [{"text": "Be kind.\n\nBe brief."}]
    assert [(one["role"], one["parts"]) for one in request.body["contents"]] == [
        ("user", [{"text": "Hello"}]),
        ("model", [{"text": "Yes?"}]),
        ("user", [{"text": "Well?"}]),
    ]
    assert not request.body.get("generationConfig")


def test_instructions_in_the_middle_are_refused(llm: LLM, server: StandIn) -> None:
    with pytest.raises(InvalidRequestError, match=r"messages\[1\].role='system' is not possible"):
        llm.chat([*HELLO, {"role": "system", "content": "Be kind."}])
    assert not server.requests


def test_sampling_is_sent_under_geminis_names(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer({"text": "Hi."})))
    llm.chat(HELLO, SamplingParams(temperature=0, top_k=5, max_tokens=7, stop=["x"], seed=3))
    assert server.requests[0].body["generationConfig"] == {
        "temperature": 0.0,
        "topP": 1.0,
        "topK": 5,
        "maxOutputTokens": 7,
        "stopSequences": ["x"],
        "seed": 3,
    }
    for params in (SamplingParams(logit_bias={1: 1.0}), SamplingParams(logprobs=1), SamplingParams(min_p=0.1)):
        with pytest.raises(InvalidRequestError, match="is not possible: Gemini has no such setting"):
            llm.chat(HELLO, params)


def test_a_call_keeps_its_signature_through_the_conversation(llm: LLM, server: StandIn) -> None:
    parts = [
        calling("weather", {"city": "Oslo"}, id="f1", thoughtSignature=SIGNATURE),
        calling("clock", {}),
    ]
    server.will(Reply(answer(*parts)), Reply(answer({"text": "Cold."})))
    found = llm.chat(HELLO, tools=[WEATHER, CLOCK])
    first, second = found.tool_calls
    assert found.finish_reason == "tool_calls"
    assert (first.name, first.parsed, second.name, second.arguments) == ("weather", {"city": "Oslo"}, "clock", "{}")
    assert first.id != second.id
    declared = server.requests[0].body["tools"][0]["functionDeclarations"]
    assert WEATHER["function"]["parameters"] in declared[0].values()
    assert server.requests[0].body["toolConfig"]["functionCallingConfig"] == {"mode": "AUTO"}
    talk = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": found.tool_calls},
        {"role": "tool", "tool_call_id": first.id, "content": '{"degrees": 3}'},
        {"role": "tool", "tool_call_id": second.id, "content": "noon"},
    ]
    assert llm.chat(talk, tools=[WEATHER, CLOCK]).text == "Cold."
    _, called, results = server.requests[1].body["contents"]
    assert [part.get("thoughtSignature") for part in called["parts"]] == [SIGNATURE, None]
    assert called["parts"][0]["functionCall"] == {"id": "f1", "name": "weather", "args": {"city": "Oslo"}}
    assert [part["functionResponse"]["response"] for part in results["parts"]] == [{"degrees": 3}, {"result": "noon"}]
    assert results["parts"][0]["functionResponse"]["id"] == "f1"
    assert results["parts"][1]["functionResponse"]["name"] == "clock"


@pytest.mark.parametrize(("model", "is_signed"), [("gemini-3.8-flash", True), ("gemini-2.5-flash", False)])
def test_calls_of_another_model_are_marked_as_such(llm: LLM, server: StandIn, model: str, is_signed: bool) -> None:
    server.will(Reply(answer({"text": "Cold."})))
    call = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    talk = [
        *HELLO,
        {"role": "assistant", "content": "Wait.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    LLM(f"gemini:{model}").chat(talk, tools=[CLOCK])
    text, called = server.requests[0].body["contents"][1]["parts"]
    assert text == {"text": "Wait."}
    assert ("thoughtSignature" in called) is is_signed


@pytest.mark.parametrize(
    ("options", "calling_config"),
    [
        ({"tool_choice": "required"}, {"mode": "ANY"}),
        ({"tool_choice": "clock"}, {"mode": "ANY", "allowedFunctionNames": ["clock"]}),
    ],
)
def test_a_tool_can_be_demanded(
    llm: LLM, server: StandIn, options: dict[str, Any], calling_config: dict[str, Any]
) -> None:
    server.will(Reply(answer(calling("clock", {}, id="f"))))
    llm.chat(HELLO, tools=[WEATHER, CLOCK], **options)
    assert server.requests[0].body["toolConfig"]["functionCallingConfig"] == calling_config
    with pytest.raises(InvalidRequestError, match="parallel_tool_calls=False is not possible"):
        llm.chat(HELLO, tools=[CLOCK], parallel_tool_calls=False)


class City(BaseModel):
    name: str


def test_an_answer_in_a_form_is_parsed(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer({"text": '{"name": "Oslo"}'})))
    assert llm.chat(HELLO, response_format=City).parsed == City(name="Oslo")
    config = server.requests[0].body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["required"] == ["name"]
    assert llm.chat(HELLO, response_format={"type": "json_object"}).parsed == {"name": "Oslo"}
    assert "responseJsonSchema" not in server.requests[1].body["generationConfig"]


def test_a_stream_gives_pieces_and_then_the_end(llm: LLM, server: StandIn) -> None:
    events = [
        answer({"text": "Let "}, reason=None),
        answer({"text": "me see."}, reason=None),
        answer(calling("clock", {}, id="f1", thoughtSignature=SIGNATURE), reason=None),
        answer(calling("weather", {"city": "Oslo"}, id="f2"), reason="STOP"),
    ]
    server.will(Reply(events=events))
    chunks = list(llm.stream(HELLO, tools=[CLOCK, WEATHER]))
    assert "".join(chunk.text for chunk in chunks) == "Let me see."
    pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
    assert [(piece.index, piece.name, piece.arguments) for piece in pieces] == [
        (0, "clock", "{}"),
        (1, "weather", '{"city": "Oslo"}'),
    ]
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert chunks[-1].usage == Usage(9, 23)
    assert server.requests[0].path.endswith(":streamGenerateContent?alt=sse")


def test_closing_a_stream_ends_the_connection(llm: LLM, server: StandIn) -> None:
    server.will(Reply(events=[answer({"text": "x"}, reason=None)] * 400, gap=0.01))
    stream: Any = llm.stream(HELLO)
    assert next(stream).text == "x"
    stream.close()
    assert server.hung_up.wait(5)


def test_a_stream_that_breaks_off_is_an_error_after_what_came(llm: LLM, server: StandIn) -> None:
    one = answer({"text": "x"}, reason=None)
    server.will(Reply(events=[one], drop=True), Reply(events=[one]), Reply(events=[one, b"data: {broken\n\n"]))
    for message in ("broke off", "broke off its answer before the end", "not Gemini's protocol"):
        stream = llm.stream(HELLO)
        assert next(iter(stream)).text == "x"
        with pytest.raises(ProviderError, match=message):
            list(stream)


def test_what_is_held_back_says_so(llm: LLM, server: StandIn) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}
    server.will(Reply(blocked), Reply(answer({"text": "Part"}, reason="RECITATION")), Reply(events=[blocked]))
    assert llm.chat(HELLO) == Completion("", [], None, "content_filter", Usage(9, 23))
    assert llm.chat(HELLO).text == "Part"
    assert [chunk.finish_reason for chunk in llm.stream(HELLO)] == ["content_filter"]


def test_an_answer_that_could_not_be_finished_is_an_error(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer(reason="MALFORMED_FUNCTION_CALL")), Reply({}))
    with pytest.raises(ProviderError, match="could not finish its answer: MALFORMED_FUNCTION_CALL"):
        llm.chat(HELLO)


def test_its_errors_are_read(llm: LLM, server: StandIn, waits: list[float]) -> None:
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    busy = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [wait]}}
    wrong = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}
    server.will(
        Reply(busy, status=429), Reply(busy, status=429, headers={"retry-after": "2"}), Reply(wrong, status=400)
    )
    with pytest.raises(ProviderError, match=r"Gemini refused the request \(400\): API key not valid.") as caught:
        llm.chat(HELLO)
    assert waits == [34.5, 2.0]
    assert not caught.value.retryable


def test_a_broken_connection_is_tried_again_and_broken_json_is_not(
    llm: LLM, server: StandIn, waits: list[float]
) -> None:
    server.will(Reply(answer({"text": "Hi."}), drop=True), Reply(answer({"text": "Hi."})), Reply(b"{broken"))
    assert llm.chat(HELLO).text == "Hi."
    assert len(waits) == 1
    with pytest.raises(ProviderError, match="not Gemini's protocol"):
        llm.chat(HELLO)
    assert len(server.requests) == 3


def test_a_call_has_no_more_than_its_time(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer({"text": "Hi."}), delay=3.0))
    with pytest.raises(ProviderError, match=r"in time|within the call's timeout"):
        llm.chat(HELLO, timeout=0.3)
    assert len(server.requests) == 1


def test_embeddings(llm: LLM, server: StandIn) -> None:
    server.will(Reply({"embeddings": [{"values": [3.0, 4.0]}, {"values": [0.0, 2.0]}]}))
    assert llm.embed(["a", "b"]).tolist() == [[3.0, 4.0], [0.0, 2.0]]
    with pytest.raises(ProviderError, match="answered 1 texts with 2 embeddings"):
        llm.embed("a")


def test_it_continues_no_texts(llm: LLM, server: StandIn) -> None:
    for call in (llm.generate, llm.stream):
        with pytest.raises(InvalidRequestError, match=r"Gemini continues no texts, it answers: use chat\(\)"):
            call("The sky is")
    assert not server.requests


def test_its_other_key_variable_serves_as_well(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "other-key")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    server.will(Reply(answer({"text": "Hi."})))
    assert LLM("gemini").generate_text("Hello", max_length=5) == "Hi."
    assert server.requests[0].headers["x-goog-api-key"] == "other-key"
    assert server.requests[0].body["generationConfig"] == {"maxOutputTokens": 5}
