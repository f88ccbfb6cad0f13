"""`llmagentos pull`: fetches a model of the catalogue into the cache."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds `pull` to the app."""

    @app.command()
    def pull(
        name: Annotated[str, typer.Argument(help="A name or alias of the catalogue; `llmagentos models` lists them.")],
        verify: Annotated[
            bool, typer.Option("--verify", help="Read the whole file again; fetch it anew if its bytes have changed.")
        ] = False,
        force: Annotated[bool, typer.Option("--force", help="Fetch it anew even if it is there.")] = False,
    ) -> None:
        """Fetch a model, check it and keep it. In a pipe, prints the path of its file and nothing else."""
        from llmagentos.cli.output import piped, printable
        from llmagentos.market import cached, pull
        from llmagentos.market.entries import entry_named
        from llmagentos.market.progress import format_bytes

        entry = entry_named(name)
        was_there = cached(entry) is not None
        try:
            path = pull(entry, verify=verify, force=force)
        except KeyboardInterrupt:
            print("stopped: nothing half-finished is left; pulling again keeps the complete parts", file=sys.stderr)
            raise typer.Exit(130) from None
        if not sys.stdout.isatty():
            print(piped(str(path)))
            return
        state = "is already there" if was_there and not (verify or force) else "is ready"
        print(f"{entry.name} {state}: {printable(str(path))} ({format_bytes(entry.n_bytes)}, sha256 checked)")
        print(f"Licence: {entry.licence}, {entry.licence_url}")
