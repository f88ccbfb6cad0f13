"""`llmagentos rerank`: documents by how well they answer a query."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from llmagentos.cli import options


def register(app: typer.Typer) -> None:
    """Adds `rerank` to the app."""

    @app.command()
    def rerank(
        query: Annotated[str, typer.Argument(help="What is looked for.")],
        documents: Annotated[
            list[str] | None, typer.Argument(help="Texts; without any, each line of standard input is one.")
        ] = None,
        model: options.LocalModel = options.DEFAULT_EMBEDDING_MODEL,
        top: Annotated[int | None, typer.Option("--top", min=1, help="How many to print; the default is all.")] = None,
        truncate: options.Truncate = False,
        as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
        threads: options.Threads = None,
    ) -> None:
        """Print documents with their scores, the best answer first."""
        from llmagentos.cli.output import checked_argument, piped, printable, read_texts
        from llmagentos.llm import LLM

        wanted, given = checked_argument(query, "the query"), read_texts(documents)
        with LLM(model, task="embed", threads=threads) as llm:
            ranking = llm.rerank(wanted, given, top_n=top, truncate=truncate)
        for found in ranking:
            if as_json:
                line = json.dumps({"index": found.index, "score": found.score, "document": found.document})
            else:
                text = printable(found.document) if sys.stdout.isatty() else piped(found.document)
                line = f"{found.score:.4f}\t{text}"
            sys.stdout.write(line + "\n")
