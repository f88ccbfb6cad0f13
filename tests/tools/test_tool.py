"""Functions as tools: their schema, and arguments that are checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from llmagentos import Tool, tool
from llmagentos.errors import InvalidRequestError, ToolError


@tool
def weather(city: str, days: int = 1, unit: Literal["C", "F"] = "C") -> str:
    """Tell the weather.

    Of today and the days after it.

    Args:
        city: name of the city,
            in English.
        days: how many days.

    Returns:
        A sentence.
    """
    return f"{city} {days} {unit}"


def test_the_schema_comes_from_hints_and_docstring() -> None:
    assert weather.definition == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tell the weather. Of today and the days after it.",
            "parameters": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "city": {"type": "string", "description": "name of the city, in English."},
                    "days": {"type": "integer", "description": "how many days.", "default": 1},
                    "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
                },
                "required": ["city"],
            },
        },
    }


def test_a_tool_is_called_like_its_function_or_with_a_models_arguments() -> None:
    assert weather("Rome", unit="F") == "Rome 1 F"
    assert weather.call({"city": "Rome", "days": 2}) == "Rome 2 C"
    assert weather.call('{"city": "Rome"}') == "Rome 1 C"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "city: Field required"),
        ({"city": "Rome", "days": "many"}, "days: "),
        ({"city": "Rome", "unit": "K"}, "unit: "),
        ({"city": "Rome", "colour": 1}, "colour: Extra inputs"),
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_arguments_that_are_not_valid_are_named(arguments: Any, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        weather.call(arguments)


class Point(BaseModel):
    title: str
    x: float = Field(ge=0)


def test_arguments_may_be_models_and_have_any_name() -> None:
    @tool
    def put(point: Point, schema: str = "s", model_config: int = 0, title: str | None = None) -> list[Any]:
        """Put it."""
        return [point, schema, model_config, title]

    assert put.parameters["$defs"]["Point"]["properties"] == {
        "title": {"type": "string"},
        "x": {"minimum": 0, "type": "number"},
    }
    assert put.parameters["$defs"]["Point"]["additionalProperties"] is False
    assert set(put.parameters["properties"]) == {"point", "schema", "model_config", "title"}
    given = {"point": {"title": "a", "x": 1}, "model_config": 2}
    assert put.call(given) == [Point(title="a", x=1.0), "s", 2, None]
    with pytest.raises(ToolError, match=r"point\.x"):
        put.call({"point": {"title": "a", "x": -1}})


def test_asynchronous_functions_are_awaited() -> None:
    @tool
    async def slow(x: int) -> int:
        """Double."""
        await asyncio.sleep(0)
        return 2 * x

    @tool
    def plain(x: int) -> int:
        """Triple."""
        return 3 * x

    async def both() -> tuple[int, int]:
        return await slow.acall({"x": 2}), await plain.acall({"x": 2})

    assert slow.call({"x": 2}) == 4
    assert asyncio.run(both()) == (4, 6)


def test_what_is_called_like_a_function_may_be_a_tool() -> None:
    class Adding:
        """Adds."""

        def __call__(self, x: int) -> int:
            return x + 2

    async def later(x: int, y: int) -> int:
        return x + y

    made = {
        "adding": Tool(Adding(), name="adding"),
        "partial": Tool(partial(later, y=5), name="partial", description="Add."),
        "bound": Tool(Adding().__call__, name="bound", description="Add."),
    }

    def wraps(x: int) -> Any:
        return later(x, 7)

    made["wraps"] = Tool(wraps, description="Add.")
    assert all(one.parameters["properties"]["x"] == {"type": "integer"} for one in made.values())
    expected = {"adding": 3, "partial": 6, "bound": 3, "wraps": 8}
    assert {name: one.call({"x": 1}) for name, one in made.items()} == expected

    async def called() -> dict[str, Any]:
        return {name: await one.acall({"x": 1}) for name, one in made.items()}

    assert asyncio.run(called()) == expected


def test_types_that_models_cannot_write_are_errors_that_say_so() -> None:
    class Unfinished(BaseModel):
        x: Undefined  # type: ignore[name-defined]  # noqa: F821

    def calls(x: Callable[[], int]) -> None:
        """Do."""

    def looks(x: Annotated[str, Field(pattern="(?=a)b")]) -> None:
        """Do."""

    def unfinished(x: Any) -> None:
        """Do."""

    unfinished.__annotations__["x"] = Unfinished
    for function in (calls, looks, unfinished):
        with pytest.raises(InvalidRequestError, match=f"the arguments of the tool '{function.__name__}' have no JSON"):
            _ = tool(function).parameters
    with pytest.raises(InvalidRequestError) as caught:
        _ = tool(calls).parameters
    assert "pydantic.dev" not in str(caught.value)


def test_an_idempotency_key_is_not_the_models() -> None:
    @tool
    def pay(amount: int, idempotency_key: str) -> str:
        """Pay."""
        return f"{amount} {idempotency_key}"

    assert set(pay.parameters["properties"]) == {"amount"}
    assert pay.call({"amount": 3}, idempotency_key="k1") == "3 k1"
    assert pay.is_repeatable
    assert not weather.is_repeatable
    with pytest.raises(ToolError, match="idempotency_key"):
        pay.call({"amount": 3, "idempotency_key": "mine"})


def test_options() -> None:
    @tool(name="other", description="Else.", timeout=2, retries=1, requires_approval=True, idempotent=True)
    def function() -> None:
        raise AssertionError

    assert isinstance(function, Tool)
    assert (function.name, function.description) == ("other", "Else.")
    assert (function.timeout, function.retries) == (2, 1)
    assert (function.requires_approval, function.idempotent) == (True, True)
    assert (weather.requires_approval, weather.idempotent) == (False, False)
    assert function.parameters == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_schema_may_be_given_in_place_of_hints() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    made = Tool(lambda **given: given, name="made", description="Made elsewhere.", parameters=schema)
    assert made.call({"n": 1, "m": 2}) == {"n": 1, "m": 2}
    with pytest.raises(ToolError, match="n: 'x' is not of type"):
        made.call({"n": "x"})
    with pytest.raises(InvalidRequestError, match="the JSON schema of the parameters of the tool 'made' is not valid"):
        Tool(lambda: None, name="made", description="Broken.", parameters={"type": 3})


def test_a_schema_that_refers_elsewhere_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    schema = {"type": "object", "properties": {"n": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    made = Tool(lambda **given: given, name="made", description="Made elsewhere.", parameters=schema)
    with pytest.raises(ToolError, match="which is not in it"):
        made.call({"n": 1})


def test_functions_that_cannot_be_tools_are_errors() -> None:
    def silent() -> None: ...

    def untyped(x) -> None:  # type: ignore[no-untyped-def]
        """Do."""

    def many(*x: int) -> None:
        """Do."""

    def fine() -> None:
        """Do."""

    with pytest.raises(InvalidRequestError, match="'silent' has no description"):
        tool(silent)
    for function in (untyped, many):
        with pytest.raises(InvalidRequestError, match="of the tool"):
            tool(function)
    for name in ("a b", "", 3):
        with pytest.raises(InvalidRequestError, match="cannot be a tool's name"):
            Tool(fine, name=name)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="3 cannot be a tool: it must be a function"):
        tool(3)  # type: ignore[call-overload]
    with pytest.raises(InvalidRequestError, match="the tool 'int' does not say what it takes"):
        tool(int)

    async def items() -> AsyncIterator[int]:
        """Give."""
        yield 1

    with pytest.raises(InvalidRequestError, match="have it return a list in place of `yield`"):
        tool(items)
    for options in ({"timeout": 0}, {"retries": -1}, {"timeout": "3"}, {"retries": 1.5}):
        with pytest.raises(InvalidRequestError, match="of the tool 'fine' must be"):
            Tool(fine, **options)  # type: ignore[arg-type]


def test_arguments_that_are_given_already_are_not_the_models() -> None:
    def send(user: str, text: str) -> str:
        return f"{user}: {text}"

    mail = Tool(partial(send, user="admin"), name="send", description="Send.")
    assert mail.parameters["properties"].keys() == {"text"}
    assert mail(text="hi") == "admin: hi"
    with pytest.raises(ToolError, match="user: Extra inputs are not permitted"):
        mail.call('{"user": "root", "text": "hi"}')


def test_a_class_may_be_a_tool() -> None:
    class Plain:
        def __init__(self, x: int) -> None:
            self.x = x

    @dataclass
    class Point:
        x: int

    for made in (Plain, Point):
        assert Tool(made, name="made", description="Make.").parameters["properties"]["x"]["type"] == "integer"
