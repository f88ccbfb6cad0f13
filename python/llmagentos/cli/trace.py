"""`llmagentos trace`: what agents did, as a tree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmagentos.agents.trace_files import TracedSpan

MAX_TEXT = 100  # characters of a text on its line
_TEXTS = ("input", "arguments", "text", "reason")


def register(app: typer.Typer) -> None:
    """Adds `trace` to the app."""

    @app.command()
    def trace(
        file: Annotated[Path, typer.Argument(help="A file that Agent(trace=...) or LLMAGENTOS_TRACE wrote.")],
        full: Annotated[bool, typer.Option("--full", help="Print texts in full.")] = False,
    ) -> None:
        """Print what agents did: each run as a tree of model calls, tools and guards, with times and figures."""
        from llmagentos.agents.trace_files import read_trace
        from llmagentos.cli.output import printable

        def told(error: Exception) -> None:
            print(printable(f"left out: {error}"), file=sys.stderr)

        for run in read_trace(file, told):
            for line in _lines(run, "", None if full else MAX_TEXT):
                print(printable(line))


def _lines(span: TracedSpan, indent: str, limit: int | None) -> list[str]:
    took = "not ended" if span.seconds is None else f"{span.seconds:.3f} s"
    figures = [f"{name}={value}" for name, value in span.attributes.items() if name not in _TEXTS and value is not None]
    failed = [] if span.error is None else [f"error={_short(span.error, limit)}"]
    lines = [f"{indent}{span.name}  {took}  {' '.join([*figures, *failed])}".rstrip()]
    texts = [(name, span.attributes[name]) for name in _TEXTS if span.attributes.get(name)]
    lines += [f"{indent}  {name}: {_short(text, limit)}" for name, text in texts]
    for child in span.children:
        lines += _lines(child, f"{indent}    ", limit)
    return lines


def _short(value: Any, limit: int | None) -> str:
    line = " ".join(str(value).split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 3]}..."
