"""smolagents."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import CHAT, Served

smolagents = pytest.importorskip("smolagents", reason="smolagents is not installed")
pytestmark = pytest.mark.compatibility

ASK = [{"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]}]


@pytest.fixture
def model(served: Served) -> Any:
    options: Any = {"temperature": 0, "max_tokens": 200}
    return smolagents.OpenAIServerModel(model_id=CHAT, api_base=served.url, api_key="none", **options)


@pytest.fixture
def population() -> Any:
    @smolagents.tool  # type: ignore[untyped-decorator]
    def population(city: str) -> int:
        """How many people live in a city.

        Args:
            city: its name.
        """
        return 2_100_000

    return population


def test_answers_and_streams(model: Any) -> None:
    whole = model.generate(ASK)
    assert whole.content
    assert whole.token_usage.output_tokens > 0
    assert "".join(delta.content or "" for delta in model.generate_stream(ASK)) == whole.content
    begin, stop, _ = whole.content.partition(whole.content[4:6])
    assert model.generate(ASK, stop_sequences=[stop]).content == begin


def test_structured_output(model: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}},
        "required": ["name"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    assert model.generate(ASK, response_format=form).content.startswith("{")


def test_a_tool_is_called(model: Any, population: Any) -> None:
    message = model.generate(ASK, tools_to_call_from=[population])
    assert message.tool_calls[0].function.name == "population"


@pytest.mark.parametrize("stream_outputs", [False, True])
def test_an_agent_runs(model: Any, population: Any, stream_outputs: bool) -> None:
    agent = smolagents.ToolCallingAgent(
        tools=[population], model=model, max_steps=3, stream_outputs=stream_outputs, verbosity_level=0
    )
    result = agent.run("How many people live in Paris?", return_full_result=True)
    steps = [step for step in agent.memory.steps if isinstance(step, smolagents.ActionStep)]
    assert result.output is not None
    assert all(step.tool_calls for step in steps if step.step_number <= 3)
