"""The loop on scripted models: what happens, in which order, and what is written down."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.events import (
    AgentResult,
    Done,
    Event,
    HandedOff,
    Retried,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from llmagentos.agents.records import Answer, CallResult, CallStarted, TurnEnded, UserInput
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.safety.guard import Guard
from llmagentos.sampling_params import SamplingParams
from llmagentos.tools.tool import tool


@tool(idempotent=True)
def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


def outcomes(result: AgentResult) -> list[tuple[str, str]]:
    return [(record.outcome, record.text) for record in result.records if isinstance(record, CallResult)]


def told(events: Sequence[Event]) -> list[Any]:
    """Events in short."""
    return [
        (type(event).__name__, event.call.name)
        if isinstance(event, (ToolCalled, ToolReturned))
        else type(event).__name__
        for event in events
    ]


def test_the_model_uses_tools_until_it_answers() -> None:
    model = ScriptedModel([["Let me see.", ScriptedCall("weather", {"city": "Rome"})], "It is sunny."])
    result = Agent(model, goal="Be kind.", tools=[weather]).ask("How is the weather in Rome?")
    assert (result.status, result.text, result.output, result.steps) == ("done", "It is sunny.", "It is sunny.", 2)
    assert [type(record) for record in result.records] == [
        UserInput,
        Answer,
        CallStarted,
        CallResult,
        Answer,
        TurnEnded,
    ]
    assert result.usage.total_tokens > 0
    assert model.requests[0].tool_names == ["weather"]
    assert model.requests[1].messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "How is the weather in Rome?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "s0000c000",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "s0000c000", "content": "sunny in Rome"},
    ]


def test_a_stream_tells_of_everything_in_its_order() -> None:
    model = ScriptedModel([["Wait.", ScriptedCall("weather", {"city": "Rome"})], "It is sunny."])
    events = list(Agent(model, tools=[weather]).stream("Weather?"))
    assert told(events) == [
        "TextDelta",
        ("ToolCalled", "weather"),
        ("ToolReturned", "weather"),
        "TextDelta",
        "TextDelta",
        "TextDelta",
        "Done",
    ]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Wait.It is sunny."
    last = events[-1]
    assert isinstance(last, Done)
    assert last.result.text == "It is sunny."


def test_calls_of_one_answer_run_side_by_side_and_are_answered_in_order() -> None:
    waiting = asyncio.Event()

    @tool
    async def first() -> str:
        """Wait for the second."""
        await waiting.wait()
        return "first"

    @tool
    async def second() -> str:
        """Let the first go on."""
        waiting.set()
        return "second"

    model = ScriptedModel([[ScriptedCall("first"), ScriptedCall("second")], "Both."])
    result = Agent(model, tools=[first, second]).ask("Go.")
    assert [text for _, text in outcomes(result)] == ["second", "first"]
    assert [message["content"] for message in model.requests[1].messages[-2:]] == ["first", "second"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (ScriptedCall("weather", "{not json"), "not JSON"),
        (ScriptedCall("weather", "[1]"), "must be a JSON object"),
        (ScriptedCall("weather", {"town": "Rome"}), "city: Field required"),
        (ScriptedCall("whether", {"city": "Rome"}), "There is no tool 'whether'. The tools are: weather."),
    ],
)
def test_a_malformed_call_is_told_to_the_model(call: ScriptedCall, message: str) -> None:
    model = ScriptedModel([call, "Sorry."])
    result = Agent(model, tools=[weather]).ask("Weather?")
    ((outcome, text),) = outcomes(result)
    assert (result.status, outcome) == ("done", "error")
    assert message in text
    assert not any(isinstance(record, CallStarted) for record in result.records)
    assert model.requests[1].messages[-1]["content"] == text


def test_what_a_tool_raises_is_its_result() -> None:
    @tool
    def broken() -> None:
        """Break."""
        raise KeyError("gone")

    @tool
    def leaving() -> None:
        """Leave."""
        raise SystemExit(3)

    @tool
    async def leaving_too() -> None:
        """Leave."""
        raise SystemExit(3)

    model = ScriptedModel([[ScriptedCall(name) for name in ("broken", "leaving", "leaving_too")], "It broke."])
    result = Agent(model, tools=[broken, leaving, leaving_too]).ask("Go.")
    assert sorted(outcomes(result)) == [
        ("error", "KeyError: 'gone'"),
        ("error", "it tried to end the process: SystemExit"),
        ("error", "it tried to end the process: SystemExit"),
    ]


def test_what_cannot_be_written_ends_no_run() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @tool
    def odd() -> object:
        """Raise."""
        raise Odd

    @tool
    def returned() -> object:
        """Return it."""
        return Odd()

    @tool
    def endless() -> Iterator[int]:
        """Count."""
        yield from count()

    @tool(timeout=0.05)
    def slow() -> Iterator[int]:
        """Count slowly."""
        yield 1
        time.sleep(30)

    @tool
    def short() -> Iterator[int]:
        """Count to two."""
        yield from (1, 2)

    tools = [odd, returned, endless, slow, short]
    result = Agent(ScriptedModel([[ScriptedCall(one.name) for one in tools], "."]), tools=tools).ask("Go.")
    assert sorted(outcomes(result)) == [
        ("error", "Odd: (it cannot be written)"),
        ("error", "RuntimeError: no text"),
        ("error", "the result has more than 10,000 items, and maybe no end"),
        ("ok", "[1,2]"),
        ("timeout", "slow gave no result in 0.05 seconds; it may or may not have done its work"),
    ]


def test_a_tool_that_fails_is_retried_as_often_as_it_says() -> None:
    tries: list[int] = []

    @tool(retries=2)
    def flaky() -> str:
        """Work at the third try."""
        tries.append(1)
        if len(tries) < 3:
            raise OSError("busy")
        return "worked"

    events = list(Agent(ScriptedModel([ScriptedCall("flaky"), "Done."]), tools=[flaky]).stream("Go."))
    assert [event for event in events if isinstance(event, Retried)] == [
        Retried("flaky", "OSError: busy", 1),
        Retried("flaky", "OSError: busy", 2),
    ]
    assert [event.text for event in events if isinstance(event, ToolReturned)] == ["worked"]


def test_a_tool_that_hangs_is_left_behind() -> None:
    runs: list[str] = []

    @tool(timeout=0.05, retries=3)
    def hangs() -> None:
        """Hang."""
        runs.append("once")
        time.sleep(30)

    @tool(timeout=0.05, retries=1, idempotent=True)
    async def waits() -> None:
        """Wait."""
        runs.append("again")
        await asyncio.sleep(30)

    model = ScriptedModel([ScriptedCall("hangs"), ScriptedCall("waits"), "Neither."])
    began = time.monotonic()
    result = Agent(model, tools=[hangs, waits]).ask("Go.")
    assert time.monotonic() - began < 20  # far less than the tools take
    assert [outcome for outcome, _ in outcomes(result)] == ["timeout", "timeout"]
    assert "may or may not have done its work" in outcomes(result)[0][1]
    assert runs == ["once", "again", "again"]  # only what is idempotent is started beside itself


def test_a_model_that_never_ends_is_stopped() -> None:
    model = ScriptedModel([["Again.", ScriptedCall("weather", {"city": "Rome"})]] * 10)
    result = Agent(model, tools=[weather], max_steps=3).ask("Weather?")
    assert (result.status, result.text, result.steps) == ("step_limit", "Again.", 3)
    assert len(outcomes(result)) == 3
    assert result.output is None


def test_a_huge_result_is_cut_and_says_so() -> None:
    @tool
    def flood() -> str:
        """Say much."""
        return "x" * 1_000_000

    model = ScriptedModel([ScriptedCall("flood"), "Much."])
    result = Agent(model, tools=[flood], max_result_characters=100).ask("Go.")
    (_, text) = outcomes(result)[0]
    assert text == "x" * 100 + "\n[cut: the result has 1,000,000 characters, these are the first 100]"


def test_halves_of_characters_end_no_conversation() -> None:
    @tool
    def names() -> str:
        """List files."""
        return os.fsdecode(b"caf\xe9.txt")

    session = MemorySession()
    with pytest.raises(InvalidRequestError, match="half a character"):
        Agent(ScriptedModel([])).ask("caf\udce9", session)
    result = Agent(ScriptedModel([ScriptedCall("names"), "."]), tools=[names]).ask("Which files?", session)
    assert outcomes(result) == [("ok", "caf?.txt")]


def test_results_that_are_no_text_become_json() -> None:
    @tool
    def lists() -> list[dict[str, Any]]:
        """List."""
        return [{"a": 1, "b": float("inf"), "c": {1}, "d": object}]

    @tool
    def nothing() -> None:
        """Do."""

    @tool
    def odd() -> bytes:
        """Give bytes that are no text."""
        return b"\xff"

    model = ScriptedModel([[ScriptedCall(name) for name in ("lists", "nothing", "odd")], "."])
    assert set(outcomes(Agent(model, tools=[lists, nothing, odd]).ask(""))) == {
        ("ok", '[{"a":1,"b":Infinity,"c":[1],"d":"<class \'object\'>"}]'),
        ("ok", "done"),
        ("ok", "b'\\xff'"),
    }


def test_cancelling_stops_the_tools_and_the_turn_can_be_resumed() -> None:
    stopped: list[str] = []
    started = asyncio.Event()

    @tool
    async def slow() -> str:
        """Take long."""
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append("slow")
        return "slow"

    session = MemorySession()
    agent = Agent(ScriptedModel([ScriptedCall("slow"), "It was interrupted."]), tools=[slow])

    async def cancelled() -> None:
        task = asyncio.ensure_future(agent.aask("Go.", session))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert stopped == ["slow"]
    assert [item.call.name for item in session.pending] == ["slow"]
    with pytest.raises(InvalidRequestError, match="resume it first"):
        agent.ask("More.", session)
    result = agent.resume(session)
    assert (result.status, outcomes(result)[0][0]) == ("done", "unknown")
    with pytest.raises(InvalidRequestError, match="nothing to resume"):
        agent.resume(session)


def test_closing_a_stream_stops_the_run() -> None:
    session = MemorySession()
    agent = Agent(ScriptedModel(["One two three."]))
    stream = agent.stream("Go.", session)
    next(stream)
    stream.close()
    assert session.is_in_turn or isinstance(session.records[-1], TurnEnded)


def test_what_the_model_raises_is_raised_and_the_turn_can_be_resumed() -> None:
    agent = Agent(ScriptedModel([LLMAgentOSError("the service is down"), "Here I am."]))
    session = MemorySession()
    with pytest.raises(LLMAgentOSError, match="the service is down"):
        agent.ask("Hello.", session)
    assert agent.resume(session).text == "Here I am."


def test_a_conversation_goes_on_in_its_session() -> None:
    model = ScriptedModel(["Hello, Ann.", "Ann."])
    agent = Agent(model, session=MemorySession("ann"))
    agent.ask("I am Ann.")
    agent.ask("Who am I?")
    assert [message["content"] for message in model.requests[1].messages] == ["I am Ann.", "Hello, Ann.", "Who am I?"]


def test_ids_that_a_model_repeats_are_replaced() -> None:
    call = ScriptedCall("weather", {"city": "Rome"}, id="same")
    model = ScriptedModel([[call, call], call, "Sunny."])
    result = Agent(model, tools=[weather]).ask("Go.")
    ids = [call.id for record in result.records if isinstance(record, Answer) for call in record.calls]
    assert len(set(ids)) == 3
    assert [outcome for outcome, _ in outcomes(result)] == ["ok"] * 3


def test_the_first_answer_may_have_to_call() -> None:
    model = ScriptedModel([ScriptedCall("weather", {"city": "Rome"}), "Sunny."])
    Agent(model, tools=[weather], tool_choice="required", parallel_tool_calls=False).ask("Go.")
    assert [request.options["tool_choice"] for request in model.requests] == ["required", "auto"]
    assert not model.requests[0].options["parallel_tool_calls"]


def test_results_of_tools_may_be_the_answer() -> None:
    calls = [ScriptedCall("weather", {"city": city}) for city in ("Rome", "Oslo")]
    agent = Agent(ScriptedModel([calls]), tools=[weather], answer_from_tools=True)
    result = agent.ask("Weather?")
    assert (result.status, result.output, result.steps) == ("done", "sunny in Rome\nsunny in Oslo", 1)
    # The model goes on where a tool gave none, and where it calls none.
    agent = Agent(
        ScriptedModel([[calls[0], ScriptedCall("wether")], "Sorry."]), tools=[weather], answer_from_tools=True
    )
    assert agent.ask("Weather?").text == "Sorry."
    with pytest.raises(InvalidRequestError, match="leave output_type out"):
        Agent(output_type=int, answer_from_tools=True)


def test_results_are_the_answer_of_a_run_that_was_cut_before_it_could_say_so() -> None:
    class Cut(MemorySession):
        def append(self, *records: Any) -> None:
            if any(isinstance(record, TurnEnded) for record in records):
                raise OSError("no space left")
            super().append(*records)

    cut = Cut()
    model = ScriptedModel([ScriptedCall("weather", {"city": "Rome"}), "Words of its own."])
    agent = Agent(model, tools=[weather], answer_from_tools=True)
    with pytest.raises(OSError, match="no space left"):
        agent.ask("Weather?", cut)
    result = agent.resume(MemorySession.from_json(cut.to_json()))
    assert (result.status, result.output, len(model.requests)) == ("done", "sunny in Rome", 1)


def test_answers_of_a_model_that_runs_here_have_an_end() -> None:
    class Here(ScriptedModel):
        info = SimpleNamespace(context_length=2048)
        default_params = SamplingParams(temperature=0.5)

    class Service(Here):
        info = SimpleNamespace(context_length=None)

    given = SamplingParams(max_tokens=7)
    models = [Here(["Hi."]), Here(["Hi."]), Service(["Hi."])]
    for model, params in zip(models, (None, given, None), strict=True):
        Agent(model, params=params).ask("Hi")
    assert [model.requests[0].params for model in models] == [
        SamplingParams(temperature=0.5, max_tokens=1024),
        given,
        None,
    ]


def test_calls_have_ids_of_their_own_whatever_the_model_says() -> None:
    call = ScriptedCall("weather", {"city": "Rome"}, id="000000002")
    result = Agent(ScriptedModel([[call, call, call], "Sunny."]), tools=[weather]).ask("?")
    (answer, _) = [record for record in result.records if isinstance(record, Answer)]
    assert len({one.id for one in answer.calls}) == 3
    assert len(outcomes(result)) == 3


def test_a_conversation_is_handed_over_and_stays_there() -> None:
    billing_model = ScriptedModel(["Billing here.", "Still billing."])
    billing = Agent(billing_model, name="Billing", goal="Handle bills.")
    transfer = ScriptedCall("transfer_to_billing")
    front_model = ScriptedModel([[transfer, transfer]])
    front = Agent(front_model, name="Front", handoffs=[billing], session=MemorySession())
    events = list(front.stream("My bill is wrong."))
    assert [event for event in events if isinstance(event, HandedOff)] == [HandedOff("Billing")]
    # The calls that handed over are left out: the other agent has no such tool, and a small model would repeat them.
    assert billing_model.requests[0].messages == [
        {
            "role": "system",
            "content": "Handle bills.\n\nThe conversation was handed to you, Billing: answer the user yourself.",
        },
        {"role": "user", "content": "My bill is wrong."},
    ]
    assert front.ask("And?").text == "Still billing."
    assert billing_model.requests[1].messages[0]["content"] == "Handle bills."
    with pytest.raises(LLMAgentOSError, match="handed to an agent 'Billing'"):
        Agent(front_model).ask("Hi", front.session)


def test_what_was_said_and_done_before_a_hand_over_is_shown_and_the_first_answer_after_it_is_one() -> None:
    billing_model = ScriptedModel([ScriptedCall("weather", {"city": "Oslo"}), "Sunny too."])
    billing = Agent(billing_model, name="Billing", tools=[weather], tool_choice="required")
    calls = [ScriptedCall("weather", {"city": "Rome"}), ScriptedCall("transfer_to_billing")]
    front = Agent(ScriptedModel([["Wait.", *calls]]), name="Front", tools=[weather], handoffs=[billing])
    front.ask("Weather?")
    _, _, answer, result = billing_model.requests[0].messages
    assert (answer["content"], [call["function"]["name"] for call in answer["tool_calls"]]) == ("Wait.", ["weather"])
    assert result["content"] == "sunny in Rome"
    assert [request.options["tool_choice"] for request in billing_model.requests] == ["required", "auto"]


def test_agents_of_one_name_are_refused_before_the_conversation_is_given_to_the_wrong_one() -> None:
    other = Agent(ScriptedModel(["Other."]))
    with pytest.raises(InvalidRequestError, match="leads to two agents named 'Agent': give each a name of its own"):
        Agent(ScriptedModel([ScriptedCall("transfer_to_agent")]), handoffs=[other]).ask("Hi")


def test_a_conversation_that_goes_round_ends() -> None:
    one = Agent(ScriptedModel([ScriptedCall("transfer_to_two")] * 9), name="One", max_steps=5)
    two = Agent(ScriptedModel([ScriptedCall("transfer_to_one")] * 9), name="Two", max_steps=5, handoffs=[one])
    one.add_handoff(two)
    result = one.ask("Hi")
    assert (result.status, result.steps) == ("step_limit", 5)


def test_agents_may_have_names_in_any_letters() -> None:
    service, bills = (Agent(ScriptedModel([f"{name}。"]), name=name) for name in ("客服", "账单"))
    front = Agent(ScriptedModel([ScriptedCall("transfer_to_agent_2")]), name="前台", handoffs=[service, bills])
    assert list(front.equipment.handoffs) == ["transfer_to_agent", "transfer_to_agent_2"]
    assert front.ask("你好").text == "账单。"
    assert Agent(name="x" * 100).as_tool().name == "ask_" + "x" * 48
    with pytest.raises(InvalidRequestError, match="the name is taken"):
        front.add_handoff(Agent(name="客服"))


def test_an_agent_is_a_tool_of_another() -> None:
    expert = Agent(ScriptedModel(["42."]), name="The Expert", goal="Know numbers.")
    asked = expert.as_tool()
    assert (asked.name, asked.description) == ("ask_the_expert", "Ask The Expert. Know numbers.")
    result = Agent(ScriptedModel([ScriptedCall(asked.name, {"request": "Which?"}), "It is 42."]), tools=[asked]).ask(
        "?"
    )
    assert outcomes(result) == [("ok", "42.")]


def test_waiting_inside_an_event_loop_is_an_error_that_says_what_to_do() -> None:
    async def inside() -> None:
        Agent(ScriptedModel(["Hi."])).ask("Hi")

    with pytest.raises(InvalidRequestError, match="use its asynchronous form, aask"):
        asyncio.run(inside())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 0}, "max_steps=0 is not valid"),
        ({"tool_choice": "maybe"}, "tool_choice='maybe'"),
        ({"tools": [weather, weather]}, "the name is taken"),
        ({"sensor": 3}, "sensor=3"),
        ({"goal": 3}, "goal=3 is not valid: it must be a text"),
        ({"guards": [Guard]}, "guards=.* must be a Guard"),
        ({"memory": "all"}, "memory='all' is not valid: it must be a Memory"),
        ({"session": "ann"}, "session='ann' is not valid: it must be a Session"),
        ({"handoffs": [3]}, "handoffs: 3 is no agent"),
        ({"tools": [3]}, "tools has 3, which is no tool and no function"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        Agent(**options)
    with pytest.raises(InvalidRequestError, match="session='ann' is not valid"):
        Agent(ScriptedModel([])).ask("Hi", "ann")  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [None, "Hi.", {"text": "Hi."}])
def test_a_model_that_answers_with_something_else_is_told_of(answer: object) -> None:
    with pytest.raises(LLMAgentOSError, match=r"the model's chat\(\) must give a Completion, not "):
        Agent(SimpleNamespace(chat=lambda *_, **__: answer)).ask("Hi")


def test_an_agent_without_a_model_says_so() -> None:
    with pytest.raises(InvalidRequestError, match=r"Agent has no model to ask: Agent\(model=LLM"):
        Agent().ask("Hi")
    with pytest.raises(InvalidRequestError, match="not int"):
        Agent(3).ask("Hi")  # type: ignore[arg-type]


def test_what_is_no_tool_is_told_of() -> None:
    with pytest.raises(InvalidRequestError, match="tools has 'calculator', which is no tool and no function"):
        Agent(tools=["calculator"])  # type: ignore[list-item]
