"""The protocol between us and the official SDK, both ways: its servers' tools are ours, and its client calls ours."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from llmagentos.agents.agent import Agent
from llmagentos.agents.mcp.client import MCPTools
from llmagentos.agents.mcp.server import mcp_server, model_tools
from llmagentos.agents.records import CallResult
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, ToolError
from llmagentos.tools.tool import Tool, tool

EXAMPLE = [sys.executable, str(Path(__file__).with_name("example_server.py"))]


@tool(retries=1)
def double(number: int) -> str:
    """Double a number.

    Args:
        number: any.
    """
    print("tools may print")
    if number < 0:
        raise ValueError("negative")
    return f"{2 * number}"


@tool(requires_approval=True)
def erase() -> None:
    """Erase all."""


TOOLS = [double, erase]


def test_tools_of_a_server_are_ordinary_tools() -> None:
    with MCPTools(EXAMPLE, requires_approval=["files/read.text"]) as server:
        assert {one.name: one.requires_approval for one in server.tools} == {
            "add": False,
            "files_read_text": True,
            "measure": False,
            "wait": False,
        }
        add, fails, measure, _ = server.tools
        assert measure.call({}) == '{"width": 3, "unit": "m\u00b2"}'
        assert add.description == "Add two numbers."
        assert set(add.parameters["properties"]) == {"a", "b"}
        assert add.call({"a": 2, "b": 3}) == "5"
        with pytest.raises(ToolError, match="a: 'x' is not of type 'integer'"):
            add.call({"a": "x", "b": 3})
        with pytest.raises(ToolError, match="Error executing tool"):
            fails.call({"path": "nowhere"})
        model = ScriptedModel([ScriptedCall("add", {"a": 40, "b": 2}), "It is 42."])
        result = Agent(model, tools=server.tools).ask("40 and 2?")
        assert [record.text for record in result.records if isinstance(record, CallResult)] == ["42"]


def test_a_call_that_is_out_of_time_may_have_done_its_work() -> None:
    with MCPTools(EXAMPLE, timeout=10) as server:
        add, *_, wait = server.tools
        wait.timeout = 0.2
        steps = [ScriptedCall("wait"), ScriptedCall("add", {"a": 40, "b": 2}), "It is 42."]
        result = Agent(ScriptedModel(steps), tools=[add, wait]).ask("40 and 2?")
    assert [(one.outcome, one.text) for one in result.records if isinstance(one, CallResult)] == [
        ("timeout", "wait gave no result in 0.2 seconds; it may or may not have done its work"),
        ("ok", "42"),
    ]
    limits: list[float] = []
    with MCPTools(EXAMPLE, timeout=10) as server:

        async def call_tool(_name: str, _given: object, limit: float) -> None:
            limits.append(limit)
            raise TimeoutError

        server._client.call_tool = call_tool  # type: ignore[assignment,method-assign]
        with pytest.raises(ToolError, match="add: TimeoutError"):
            server.tools[0].call({"a": 40, "b": 2})
    assert server.tools[0].timeout == 10
    assert limits[0] > 10


def test_a_server_that_is_none_is_an_error() -> None:
    for server in (
        [3],  # type: ignore[list-item]
        [sys.executable, "-c", "print('hello')"],
        ["/nowhere/program"],
        f"http://127.0.0.1:{_free_port()}/mcp",
    ):
        with pytest.raises(LLMAgentOSError, match="cannot be used: "), MCPTools(server, timeout=20):
            pass
    for bad in ("server.py", []):
        with pytest.raises(InvalidRequestError, match="server"):
            MCPTools(bad)
    wrong = MCPTools(EXAMPLE, requires_approval=["subtract"])
    with pytest.raises(InvalidRequestError, match="requires_approval='subtract' is no tool of the server"), wrong:
        pass


def _told(target: Any) -> Any:
    """What the official client finds at a server."""

    async def ask() -> Any:
        async with Client(target, read_timeout_seconds=60) as client:
            listed = await client.list_tools()
            good = await client.call_tool("double", {"number": 4})
            bad = [await client.call_tool("double", given) for given in ({"number": -1}, {"number": "x"}, {})]
            texts = [result.content[0].text for result in (good, *bad)]  # type: ignore[union-attr]
            return [one.name for one in listed.tools], texts, [result.is_error for result in (good, *bad)]

    return asyncio.run(ask())


INVALID = "the arguments of double are not valid: number: "
EXPECTED = (
    ["double", "erase"],
    [
        "8",
        "ValueError: negative",
        f"{INVALID}Input should be a valid integer, unable to parse string as an integer",
        f"{INVALID}Field required",
    ],
    [False, True, True, True],
)


def test_the_official_client_calls_our_tools_over_standard_streams() -> None:
    environment = {"PYTHONPATH": os.pathsep.join([*(path for path in sys.path if path), str(Path.cwd())])}
    place = f"{__name__}:TOOLS"
    command = ["-m", "llmagentos", "mcp", "--tools", place, "--allow", "erase"]
    assert _told(StdioServerParameters(command=sys.executable, args=command, env=environment)) == EXPECTED


def test_tools_of_the_library_are_served_by_name(tmp_path: Path) -> None:
    (tmp_path / "bread.txt").write_text("Knead for ten minutes.\n")
    environment = {"PYTHONPATH": os.pathsep.join([*(path for path in sys.path if path)])}
    options = ["--tools", "calculator", "--tools", "files", "--option", f"files.root={tmp_path}"]
    command = [sys.executable, "-m", "llmagentos", "mcp", *options]
    with MCPTools(command, env=environment) as server:
        tools = {one.name: one for one in server.tools}
        assert set(tools) == {"calculator", "list_files", "read_file", "search_files"}
        assert tools["calculator"].call({"expression": "6 * 7"}) == "42"
        assert tools["read_file"].call({"path": "bread.txt"}) == "Knead for ten minutes."


def test_the_official_client_calls_our_tools_over_http() -> None:
    with _served(TOOLS) as address:
        assert _told(address) == EXPECTED
        with MCPTools(address, prefix="other_") as server:
            assert [one.name for one in server.tools] == ["other_double", "other_erase"]
            assert server.tools[0].call({"number": 3}) == "6"


def test_tools_that_need_approval_are_served_by_name_only() -> None:
    with pytest.raises(InvalidRequestError, match="the tool 'erase' needs a person's approval"):
        mcp_server(TOOLS)
    for tools, allowed, message in (
        ([double, double], (), "two tools named 'double'"),
        ([double], ["rub"], "allowed='rub' is no tool here"),
        ([], (), "no tools to serve"),
    ):
        with pytest.raises(InvalidRequestError, match=message):
            mcp_server(tools, allowed)


def test_a_model_is_served_as_tools() -> None:
    class Model:
        def generate_text(self, text: str, max_length: int) -> str:
            return f"{text} {max_length}"

        def tokenize(self, text: str) -> list[int]:
            return [1] * len(text)

    generate, count = model_tools(Model())  # type: ignore[arg-type]
    assert generate.call({"text": "a", "max_length": 3}) == "a 3"
    assert count.call({"text": "abc"}) == 3


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _served(tools: list[Tool]) -> Iterator[str]:
    """The address of a server of these tools, in a thread."""
    import uvicorn

    app = mcp_server(tools, ["erase"]).streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    server.should_exit = True
    thread.join(10)
