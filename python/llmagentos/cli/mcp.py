"""`llmagentos mcp`: tools and models for other MCP clients."""

from __future__ import annotations

from typing import Annotated

import typer

from llmagentos.cli import options


def register(app: typer.Typer) -> None:
    """Adds `mcp` to the app."""

    @app.command()
    def mcp(
        tools: Annotated[
            list[str] | None, typer.Option("--tools", help="MODULE:NAME of a tool or a list of them; repeatable.")
        ] = None,
        model: Annotated[
            str | None, typer.Option("--model", "-m", help="Serve a model as well, by name or path.")
        ] = None,
        allow: Annotated[
            list[str] | None,
            typer.Option("--allow", help="A tool that needs approval, which the client is trusted to ask for."),
        ] = None,
        http: Annotated[
            int | None, typer.Option("--http", min=1, max=65535, help="Serve streamable HTTP at this port's /mcp.")
        ] = None,
        host: Annotated[str, typer.Option("--host", help="Address to serve at, with --http.")] = "127.0.0.1",
        threads: options.Threads = None,
    ) -> None:
        """Serve tools and a model to clients of the Model Context Protocol, over standard streams or HTTP."""
        import asyncio

        from llmagentos.agents.mcp.server import mcp_server, model_tools, serve_http, serve_stdio
        from llmagentos.agents.tool_names import tools_at

        found = [tool for place in tools or () for tool in tools_at(place)]
        if model is not None:
            from llmagentos.llm import LLM

            found += model_tools(LLM(model, threads=threads))
        server = mcp_server(found, allow or ())
        asyncio.run(serve_stdio(server) if http is None else serve_http(server, host, http))
