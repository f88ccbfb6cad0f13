"""The programs that the package was asked for, word for word, and one agent on models of three kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from llmagentos import LLM, Agent, loaded_model
from llmagentos.agents.records import CallResult
from llmagentos.tools.tool import tool
from tests.engine.fake_model import fake_model
from tests.folder_models import files_of_model
from tests.providers import test_gemini as gemini
from tests.providers import test_openai as openai
from tests.providers.stand_in import Reply, StandIn

CUSTOMER_SERVICE = """
from llmagentos import Agent, LLM

model = LLM("gpt-3")                    # remote; LLM() alone gives the embedded local default

class CustomerServiceAgent(Agent):
    def __init__(self):
        super().__init__()

    def act(self, observation):
        user_input = observation["text"]
        response = model.generate_text(user_input)
        return {"text": response}

CustomerServiceAgent().run()
"""
SUMMARY = """
from llmagentos import LLM

model = LLM("bart-large-cnn")           # encoder-decoder

def summarize(text):
    return model.generate_text(text, max_length=100)
"""


@pytest.fixture
def server() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


def _run(program: str, said: str, **environment: str) -> str:
    """What the program prints, told these lines."""
    path = os.pathsep.join(path for path in sys.path if path)
    ended = subprocess.run(
        [sys.executable, "-c", program], input=said, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_customer_service_agent_on_a_server_of_the_environment(server: StandIn) -> None:
    server.will(Reply(openai.answer("Good morning.")), Reply(openai.answer("In two days.")))
    said = "Hello\nWhen does my parcel come?\nexit\nnever asked\n"
    printed = _run(CUSTOMER_SERVICE, said, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=f"{server.url}/v1")
    assert printed == "Good morning.\nIn two days.\n"
    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    assert asked == ["Hello", "When does my parcel come?"]


@pytest.mark.acceptance  # it has no limit, and the model may go on to the end of its context
def test_the_customer_service_agent_on_the_default_model() -> None:
    printed = _run(CUSTOMER_SERVICE.replace('LLM("gpt-3")', "LLM()"), "What is the capital of France?\n")
    assert printed.strip()


def test_the_summary_by_an_encoder_decoder_model() -> None:
    text = "THE TOWER IS 324 METRES TALL. "
    with files_of_model("bart-plain"):  # which stands for bart-large-cnn: its architecture and settings, small
        defined: dict[str, Any] = {}
        exec(SUMMARY, defined)
    summary = defined["summarize"](text)
    assert summary
    assert summary == defined["summarize"](text)
    assert summary != defined["summarize"](text[::-1])
    defined["model"].close()


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


def _openai_events() -> list[Any]:
    call = openai.call("call_1", "weather", json.dumps({"city": "Rome"}), index=0)
    return [openai.piece({"role": "assistant", "tool_calls": [call]}), openai.piece({}, "tool_calls"), *openai.ENDING]


def _openai_says(text: str) -> list[Any]:
    return [openai.piece({"role": "assistant", "content": text}), openai.piece({}, "stop"), *openai.ENDING]


@pytest.mark.parametrize("model", ["smollm2-135m-instruct", "openai:gpt-6.1-terra", "gemini:gemini-3.8-flash"])
def test_one_agent_on_models_of_three_kinds(model: str, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the string differs."""
    if model.startswith("openai:"):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        server.will(Reply(events=_openai_events()), Reply(events=_openai_says("It is sunny.")))
    elif model.startswith("gemini:"):
        monkeypatch.setenv("GEMINI_API_KEY", "sk-test")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        call = gemini.answer(gemini.calling("weather", {"city": "Rome"}))
        server.will(Reply(events=[call]), Reply(events=[gemini.answer({"text": "It is sunny."})]))
    else:
        monkeypatch.setattr(loaded_model, "open_local_model", lambda *_: fake_model(context_length=4096))
    agent = Agent(model, goal="Tell the weather.", tools=[weather], tool_choice="required", max_steps=2)
    result = agent.ask("How is the weather in Rome?")
    called = [record for record in result.records if isinstance(record, CallResult)]
    assert called
    assert all(record.outcome == "ok" and record.text.startswith("sunny in ") for record in called)
    assert result.status in ("done", "length", "step_limit")
    if ":" in model:
        assert (result.text, called[0].text) == ("It is sunny.", "sunny in Rome")
        assert len(server.requests) == 2
    assert isinstance(agent.model, LLM)
    agent.model.close()
