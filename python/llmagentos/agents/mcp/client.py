"""Tools of an MCP server as ordinary tools."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from llmagentos.errors import InvalidRequestError, LLMAgentOSError, ToolError, shown
from llmagentos.tools.tool import Tool

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from mcp import Client
    from mcp_types import CallToolResult
    from mcp_types import Tool as OfferedTool
    from typing_extensions import Self

MAX_PAGES = 100  # of a server's list of tools
LATER_SECONDS = 5.0  # than a tool's own time limit


class MCPTools:
    """A connection to an MCP server, and its tools: `with MCPTools(["python", "server.py"]) as server: server.tools`.

    The connection has a thread and an event loop of its own, so its tools can be called from any. What a server says of
    its tools is not trusted: none counts as safe to repeat, and which need approval is said here.

    Args:
        server: a command with its arguments, which is started and spoken with over its standard streams; or the address
            of a server that speaks streamable HTTP.
        requires_approval: whether a person must allow each call; or the names of the tools for which it is so.
        prefix: put before the tools' names, for servers whose names are the same.
        timeout: seconds for a call, and for an answer while connecting; before that the SDK gives a server ten seconds
            to say which version of the protocol it speaks.
        env: variables of the command's environment, besides the few that it gets.

    Raises:
        LLMAgentOSError: on entering, where the SDK is missing or the server cannot be reached or gives no tools.
    """

    def __init__(
        self,
        server: str | Sequence[str],
        *,
        requires_approval: bool | Collection[str] = False,
        prefix: str = "",
        timeout: float = 60.0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        is_address = isinstance(server, str)
        if is_address and not re.match(r"https?://", str(server)):
            raise InvalidRequestError(
                f"server={shown(server)} is not valid: it must be an address (http...), or a command as a list"
            )
        if not is_address and not server:
            raise InvalidRequestError("server is an empty list: a command needs a program at least")
        self._server, self._env = server, env
        self._requires_approval, self._prefix, self._timeout = requires_approval, prefix, timeout
        self._stack = ExitStack()
        self._portal: BlockingPortal
        self._client: Client
        self.tools: list[Tool] = []

    def __enter__(self) -> Self:
        try:
            from anyio.from_thread import start_blocking_portal
            from mcp import Client, StdioServerParameters
        except ImportError as error:
            raise LLMAgentOSError(f"{error}; MCP needs: pip install 'llmagentos[agents]'") from None
        try:
            target: Any = self._server
            if not isinstance(self._server, str):
                program, *arguments = self._server
                target = StdioServerParameters(command=program, args=arguments, env=dict(self._env or {}))
            self._portal = self._stack.enter_context(start_blocking_portal())
            entering: AbstractContextManager[Client] = self._portal.wrap_async_context_manager(
                Client(target, read_timeout_seconds=self._timeout)
            )
            self._client = self._stack.enter_context(entering)
            self.tools = self._made(self._portal.call(self._offered))
        except BaseException as error:
            self._stack.close()
            if isinstance(error, InvalidRequestError) or not isinstance(error, Exception):
                raise
            # Of the SDK, the network, the process: anything.
            raise LLMAgentOSError(f"the MCP server {shown(self._server)} cannot be used: {_cause(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()  # whatever was raised is not the connection's

    async def _offered(self) -> list[OfferedTool]:
        offered: list[OfferedTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            offered += page.tools
            cursor = page.next_cursor
            if not cursor:
                return offered
        raise LLMAgentOSError(f"its list of tools has more than {MAX_PAGES} pages")

    def _made(self, offered: Sequence[OfferedTool]) -> list[Tool]:
        approval = self._requires_approval
        unknown = [] if isinstance(approval, bool) else sorted(set(approval) - {tool.name for tool in offered})
        if unknown:
            names = ", ".join(tool.name for tool in offered)
            raise InvalidRequestError(f"requires_approval={unknown[0]!r} is no tool of the server; it has {names}")
        return [
            Tool(
                self._calling(one.name),
                name=self._prefix + re.sub(r"[^A-Za-z0-9_-]", "_", one.name),
                description=one.description or one.title or one.name,
                parameters=one.input_schema,
                timeout=self._timeout,
                requires_approval=approval if isinstance(approval, bool) else one.name in approval,
            )
            for one in offered
        ]

    def _calling(self, name: str) -> Any:
        async def call(**given: Any) -> str:
            # Whoever runs the tool has a time limit too, and tells what a call that is out of time may have done.
            limit = self._timeout + LATER_SECONDS
            future = self._portal.start_task_soon(self._client.call_tool, name, given, limit)
            try:
                result = await asyncio.wrap_future(future)
            except Exception as error:
                raise ToolError(f"{name}: {_cause(error)}") from error
            text = _text_of(result)
            if result.is_error:
                raise ToolError(text)
            return text

        return call


def _text_of(result: CallToolResult) -> str:
    """The texts of a result; of what is no text, what it is; of a result of values only, these as JSON."""
    parts = []
    for content in result.content:
        if content.type == "text":
            parts.append(content.text)
        elif content.type == "resource" and hasattr(content.resource, "text"):
            parts.append(content.resource.text)
        else:
            parts.append(f"[{content.type}: not shown]")
    if not any(parts) and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _cause(error: BaseException) -> str:
    """The first of the errors that a group of them holds, in words."""
    while isinstance(nested := getattr(error, "exceptions", None), tuple) and nested:
        error = nested[0]
    return str(error) or type(error).__name__
