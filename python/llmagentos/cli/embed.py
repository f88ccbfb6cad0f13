"""`llmagentos embed`: texts to vectors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from llmagentos.cli import options


def register(app: typer.Typer) -> None:
    """Adds `embed` to the app."""

    @app.command()
    def embed(
        texts: Annotated[
            list[str] | None, typer.Argument(help="Texts; without any, each line of standard input is one.")
        ] = None,
        model: options.Model = options.DEFAULT_EMBEDDING_MODEL,
        prompt: Annotated[
            str | None, typer.Option("--prompt", help="The name of the model's prompt to put before each text.")
        ] = None,
        truncate: options.Truncate = False,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write a NumPy array [texts, width] to this .npy file.")
        ] = None,
        threads: options.Threads = None,
    ) -> None:
        """Print an embedding for each text: a line of JSON, {"index", "embedding"}, or a .npy file with --output."""
        from llmagentos.cli.output import read_texts
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        if output is not None and output.suffix != ".npy":
            raise InvalidRequestError(f"--output {output} is not valid: it must end in .npy")
        given = read_texts(texts)
        with LLM(model, task="embed", threads=threads) as llm:
            vectors = llm.embed(given, prompt_name=prompt, truncate=truncate, progress=_show_progress)
        if output is not None:
            import numpy as np

            np.save(output, vectors)
            return
        for index, vector in enumerate(vectors):
            # The shortest text that is the same float32.
            sys.stdout.write(json.dumps({"index": index, "embedding": [float(str(value)) for value in vector]}) + "\n")


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rtoken {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)
