"""`llmagentos mcp`: tools and models for other MCP clients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from llmagentos.tools.tool import Tool


def register(app: typer.Typer) -> None:
    """Adds `mcp` to the app."""

    @app.command()
    def mcp(
        tools: Annotated[
            list[str] | None,
            typer.Option(
                "--tools",
                help="Tools of the library by name (calculator, date_time, files, web, ...; docs/tools.md), or "
                "MODULE:NAME of a tool or a list of them; repeatable.",
            ),
        ] = None,
        option: Annotated[
            list[str] | None,
            typer.Option(
                "--option",
                help="NAME.OPTION=VALUE: what tools of the library are made with, such as files.root=notes or "
                "'web.allow=[\"example.org\"]'. The value is JSON, or else a text; repeatable.",
            ),
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
        host: Annotated[
            str | None, typer.Option("--host", help="Address to serve at, with --http; 127.0.0.1 unless given.")
        ] = None,
        threads: options.Threads = None,
    ) -> None:
        """Serve tools and a model to clients of the Model Context Protocol, over standard streams or HTTP."""
        import signal

        from llmagentos.agents.mcp.server import mcp_server, model_tools, serve_http, serve_stdio
        from llmagentos.agents.own_loop import OwnLoop
        from llmagentos.errors import InvalidRequestError

        if host is not None and http is None:
            raise InvalidRequestError(f"--host {host} is for HTTP: give --http PORT as well")
        found = _tools(tools or (), option or ())
        if model is not None:
            from llmagentos.llm import LLM

            found += model_tools(LLM(model, threads=threads))
        server = mcp_server(found, allow or ())
        if http is None:  # whoever waits for a line of standard input can be ended in no other way
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        with OwnLoop() as loop:
            loop.run(serve_stdio(server) if http is None else serve_http(server, host or "127.0.0.1", http))


def _tools(names: Sequence[str], given: Sequence[str]) -> list[Tool]:
    from llmagentos.agents.tool_names import tools_named
    from llmagentos.errors import InvalidRequestError

    by_name: dict[str, dict[str, Any]] = {name: {} for name in names}
    for text in given:
        place, is_given, value = text.partition("=")
        name, _, option = place.partition(".")
        if not is_given or not option.isidentifier():
            raise InvalidRequestError(f"--option {text!r} is not valid: it must be NAME.OPTION=VALUE")
        if name not in by_name:
            raise InvalidRequestError(f"--option {text!r} is for the tools {name!r}, and there is no --tools {name}")
        if option in by_name[name]:
            raise InvalidRequestError(f"--option {place} is given twice")
        by_name[name][option] = _value(value)
    return [tool for name, made_with in by_name.items() for tool in tools_named(name, made_with)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
