"""A server made with the SDK alone, as anybody's is."""

from __future__ import annotations

import asyncio
import sys

from mcp.server import MCPServer
from mcp_types import CallToolResult

server = MCPServer("Example")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(name="files/read.text")
def fails(path: str) -> str:
    """Read a file, which there is not."""
    raise FileNotFoundError(path)


@server.tool()
def measure() -> CallToolResult:
    """Measure, and give values without a text."""
    return CallToolResult(content=[], structured_content={"width": 3, "unit": "m\u00b2"})


@server.tool()
async def wait() -> str:
    """Wait."""
    await asyncio.sleep(60)
    return "done"


if __name__ == "__main__":
    server.run(*sys.argv[1:])  # type: ignore[arg-type]
