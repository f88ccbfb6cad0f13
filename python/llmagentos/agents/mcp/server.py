"""Our tools and models for other MCP clients."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from llmagentos import __version__
from llmagentos.agents.tool_runs import run_tool
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, ToolError, shown
from llmagentos.tools.tool import Tool

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult

    from llmagentos.llm import LLM

DEFAULT_MAX_LENGTH = 512  # tokens of an answer, where the client says nothing


def mcp_server(tools: Sequence[Tool], allowed: Collection[str] = ()) -> Server[Any]:
    """A server of these tools, for `serve_stdio` and `serve_http`.

    Args:
        allowed: tools that need a person's approval and are served all the same, since the client is to ask for it.

    Raises:
        InvalidRequestError: no tools, two of one name, one that needs approval and is not allowed, or a name in
            `allowed` that there is not.
        LLMAgentOSError: the SDK is missing.
    """
    try:
        from mcp.server.lowlevel import Server
        from mcp_types import CallToolResult, ListToolsResult, TextContent, ToolAnnotations
        from mcp_types import Tool as OfferedTool
    except ImportError as error:
        raise LLMAgentOSError(f"{error}; MCP needs: pip install 'llmagentos[agents]'") from None
    by_name = _checked(tools, allowed)

    async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
        offered = [
            OfferedTool(
                name=one.name,
                description=one.description,
                input_schema=one.parameters,
                annotations=ToolAnnotations(destructive_hint=one.requires_approval, idempotent_hint=one.idempotent),
            )
            for one in by_name.values()
        ]
        return ListToolsResult(tools=offered)

    async def call_tool(_context: Any, params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            outcome, text = "error", f"there is no tool {shown(params.name)}; there are {', '.join(by_name)}"
        else:
            outcome, text = await _called(tool, params.arguments or {})
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=outcome != "ok")

    return Server("llmagentos", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)


async def serve_stdio(server: Server[Any]) -> None:
    """Serves one client over the standard streams, until it closes them. What tools print goes to standard error."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        with redirect_stdout(sys.stderr):
            await server.run(reading, writing, server.create_initialization_options())


async def serve_http(server: Server[Any], host: str, port: int) -> None:
    """Serves clients over streamable HTTP at `/mcp`, until it is stopped. There is no access control: keep to loopback.

    On loopback, requests that come by another name than its own are refused (DNS rebinding).
    """
    import uvicorn

    config = uvicorn.Config(server.streamable_http_app(host=host), host=host, port=port, log_level="warning")
    await uvicorn.Server(config).serve()


def model_tools(llm: LLM) -> list[Tool]:
    """A model as tools: to answer a text, and to count its tokens."""

    def generate_text(text: str, max_length: int = DEFAULT_MAX_LENGTH) -> str:
        """Have the language model answer a text, or continue it if it is no chat model.

        Args:
            text: what to answer.
            max_length: tokens of the answer at most.
        """
        return llm.generate_text(text, max_length)

    def count_tokens(text: str) -> int:
        """Count the tokens that a text is for the language model.

        Args:
            text: what to count.
        """
        return len(llm.tokenize(text))

    return [Tool(generate_text, idempotent=True), Tool(count_tokens, idempotent=True)]


def _checked(tools: Sequence[Tool], allowed: Collection[str]) -> dict[str, Tool]:
    by_name: dict[str, Tool] = {}
    for tool in tools:
        if tool.name in by_name:
            raise InvalidRequestError(f"there are two tools named {tool.name!r}")
        if tool.requires_approval and tool.name not in allowed:
            raise InvalidRequestError(
                f"the tool {tool.name!r} needs a person's approval, which a client may not ask for: allow it by name"
            )
        by_name[tool.name] = tool
    unknown = sorted(set(allowed) - set(by_name))
    if unknown:
        raise InvalidRequestError(f"allowed={unknown[0]!r} is no tool here; there are {', '.join(by_name) or 'none'}")
    if not by_name:
        raise InvalidRequestError("there are no tools to serve")
    return by_name


async def _called(tool: Tool, arguments: dict[str, Any]) -> tuple[str, str]:
    text = json.dumps(arguments)
    try:
        tool.checked(text)
    except ToolError as error:
        return "error", str(error)
    return await run_tool(tool, text, uuid.uuid4().hex, lambda *_: None)
