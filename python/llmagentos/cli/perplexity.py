"""`llmagentos perplexity`: how well a model predicts a text."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_WINDOW = 2048


def register(app: typer.Typer) -> None:
    """Adds `perplexity` to the app."""

    @app.command()
    def perplexity(
        file: Annotated[str, typer.Argument(help="A UTF-8 text file; '-' reads standard input.")],
        model: options.LocalModel = options.DEFAULT_MODEL,
        context: Annotated[
            int | None,
            typer.Option("--context", min=2, help=f"Tokens per window; the model's length or {DEFAULT_WINDOW}."),
        ] = None,
        threads: options.Threads = None,
    ) -> None:
        """Print exp of the mean negative log-likelihood of a text's tokens.

        The text is cut into windows of --context tokens. Each begins with the model's BOS where it has one, and every
        token after the first of its window counts.
        """
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        name, text = _read(file)
        with LLM(model, threads=threads, context_length=context) as llm:
            if llm.info.context_length is None:
                raise InvalidRequestError(f"{llm.info.name} runs at a service, which does not say how likely a text is")
            width = context or min(DEFAULT_WINDOW, llm.info.context_length)
            opening = llm.tokenize("")
            ids = llm.tokenize(text, add_special=False, parse_special=False)
            pieces = list(windows(ids, opening, width))
            if not pieces:
                raise InvalidRequestError(f"{name} has {len(ids)} tokens: too few to predict one from another")
            total, count, started = 0.0, 0, time.perf_counter()
            for index, piece in enumerate(pieces, start=1):
                scores = llm.score(piece)
                total -= float(scores.sum(dtype="float64"))
                count += len(scores)
                _show_progress(index, len(pieces), math.exp(total / count))
            seconds = time.perf_counter() - started
        print(f"perplexity {math.exp(total / count):.4f}")
        print(f"tokens {count}")
        print(f"tokens/s {count / seconds:.1f}")


def _read(file: str) -> tuple[str, str]:
    """What to call the file, and its text without a byte order mark."""
    from llmagentos.cli.output import checked_input
    from llmagentos.errors import InvalidRequestError

    if file == "-":
        return "standard input", checked_input(sys.stdin.read()).removeprefix("\ufeff")
    try:
        return file, Path(file).read_bytes().decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte, start = error.object[error.start], error.start
        raise InvalidRequestError(f"{file} is not UTF-8: byte 0x{byte:02x} at {start}; convert it to UTF-8") from None


def windows(ids: list[int], opening: list[int], width: int) -> Iterator[list[int]]:
    """The ids in windows of at most `width` tokens, each begun by `opening`; one that predicts nothing is left out."""
    step = width - len(opening)
    for begin in range(0, len(ids), step):
        window = opening + ids[begin : begin + step]
        if len(window) > 1:
            yield window


def _show_progress(done: int, total: int, perplexity: float) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\rwindow {done}/{total}  perplexity {perplexity:.4f}", end=end, file=sys.stderr, flush=True)
