"""Response formats and tool calls of the default model, which is small: what it says is its own, the form is not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from llmagentos import LLM, SamplingParams

from .chat.tool_calls.made import TIME, WEATHER

pytestmark = pytest.mark.model
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
GREEDY = SamplingParams(temperature=0, max_tokens=120)


class Person(BaseModel):
    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=150)
    hobbies: list[str] = Field(max_length=2)


@pytest.fixture(scope="module")
def llm() -> Iterator[LLM]:
    with LLM("smollm2", context_length=1024) as loaded:
        yield loaded


@pytest.mark.parametrize("choice", ["required", "get_weather"])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_calls_that_must_come_are_valid(llm: LLM, choice: str, temperature: float) -> None:
    params = SamplingParams(temperature=temperature, seed=1, max_tokens=120, n=1 if temperature == 0 else 4)
    answers = llm.chat(ASK, params, tools=[WEATHER, TIME], tool_choice=choice, parallel_tool_calls=False)
    for completion in answers if isinstance(answers, list) else [answers]:
        (call,) = completion.tool_calls
        assert (completion.finish_reason, completion.text) == ("tool_calls", "")
        tool = {"get_weather": WEATHER, "get_time": TIME}[call.name]["function"]
        Draft202012Validator(tool.get("parameters", {"maxProperties": 0})).validate(json.loads(call.arguments))


def test_it_knows_what_was_asked_and_goes_on_with_the_result(llm: LLM) -> None:
    first = llm.chat(ASK, GREEDY, tools=[WEATHER, TIME], tool_choice="required", parallel_tool_calls=False)
    assert first.tool_calls[0].parsed["city"] == "Paris"
    turn = [*ASK, {"role": "assistant", "content": first.text, "tool_calls": first.tool_calls}]
    turn.append({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny <|im_end|>"})
    assert llm.chat(turn, GREEDY, tools=[WEATHER, TIME]).usage.prompt_tokens > first.usage.prompt_tokens


def test_answers_become_objects_of_the_model_asked_for(llm: LLM) -> None:
    ask = [{"role": "user", "content": "Describe a person with name, age and hobbies."}]
    params = SamplingParams(temperature=1.0, seed=2, max_tokens=200, n=4)
    answers = llm.chat(ask, params, response_format=Person)
    assert isinstance(answers, list)
    parsed = [completion.parsed for completion in answers if completion.finish_reason == "stop"]
    assert parsed
    assert all(isinstance(person, Person) for person in parsed)
    assert all(completion.parsed is None for completion in answers if completion.finish_reason == "length")


def test_constrained_answers_are_the_same_alone_and_in_company(llm: LLM) -> None:
    params = SamplingParams(temperature=1.0, seed=5, max_tokens=60, logprobs=2)
    alone = llm.chat(ASK, params, response_format=Person)
    batch = llm.chat([ASK, [{"role": "user", "content": "Hi"}], ASK], params, response_format=Person)
    assert batch[0] == batch[2] == alone
