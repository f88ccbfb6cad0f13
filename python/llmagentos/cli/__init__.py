"""The `llmagentos` command: one file per subcommand, each imported to register itself and importing the rest late."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from llmagentos import __version__
from llmagentos.cli import chat, doctor, generate, models, perplexity, pull
from llmagentos.errors import LLMAgentOSError

app = typer.Typer(
    name="llmagentos",
    help="Run language models on this machine.",
    no_args_is_help=True,
    add_completion=False,
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


for _command in (generate, chat, pull, models, perplexity, doctor):
    _command.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Always ends in SystemExit: 0, 1 for a failure (one line on stderr), 2 for wrong usage."""
    _settle_streams()
    try:
        app(None if arguments is None else list(arguments), prog_name="llmagentos", standalone_mode=True)
    except LLMAgentOSError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader of our output has left. Python flushes once more at exit: give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except UnicodeDecodeError as error:
        _fail(f"standard input is not UTF-8: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError as error:
        _fail(str(error) or "out of memory")


def _settle_streams() -> None:
    """Closed streams become empty ones, and characters that an output's encoding lacks are replaced."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (lives as long as the process)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str) -> None:
    from llmagentos.cli.output import printable

    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(1)
