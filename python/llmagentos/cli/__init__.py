"""The `llmagentos` command: one file per subcommand, each imported to register itself and importing the rest late."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from llmagentos import __version__
from llmagentos.cli import (
    bench,
    chat,
    doctor,
    embed,
    evaluate_agent,
    generate,
    key,
    market,
    mcp,
    models,
    new,
    output,
    perplexity,
    pull,
    quantize,
    rerank,
    run,
    serve,
    trace,
)
from llmagentos.cli.options import in_options
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, OutOfMemoryError

app = typer.Typer(
    name="llmagentos",
    help="Run language models on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"llmagentos {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of the command itself."""


for _command in (
    generate,
    chat,
    serve,
    key,
    embed,
    rerank,
    pull,
    models,
    market,
    new,
    run,
    quantize,
    perplexity,
    bench,
    doctor,
    mcp,
    trace,
    evaluate_agent,
):
    _command.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Always ends in SystemExit: 0, 1 for a failure (one line on stderr), 2 for wrong usage."""
    _settle_streams()
    # Frames are for people: a pipe or a log gets help and usage errors as plain lines.
    app.rich_markup_mode = "rich" if sys.stdout.isatty() and sys.stderr.isatty() else None
    try:
        app(None if arguments is None else list(arguments), prog_name="llmagentos", standalone_mode=True)
    except (InvalidRequestError, OutOfMemoryError) as error:
        _fail(in_options(str(error)))
    except LLMAgentOSError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader of our output has left. Python flushes once more at exit: give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError as error:
        _fail(str(error) or "out of memory")


class _ClosedOutput(io.TextIOBase):
    """Standard output that the caller has closed: nothing can be written, so a command that has to ends with 1."""

    encoding = "utf-8"

    def write(self, _text: str, /) -> int:
        raise OSError(errno.EBADF, "it is closed", "standard output")


def _settle_streams() -> None:
    """Makes the standard streams usable.

    Bytes that are no UTF-8 are kept as surrogates where text is read and become bytes again on standard output, so that
    a path that is printed exists. Other characters that an output's encoding lacks are replaced.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (lives as long as the process)
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=output.ENCODE_ERRORS)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _fail(message: str) -> None:
    print(f"error: {output.printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(1)
