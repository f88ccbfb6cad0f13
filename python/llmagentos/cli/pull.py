"""`llmagentos pull`: fetches a model of the catalogue or of the hub into the cache."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds `pull` to the app."""

    @app.command()
    def pull(
        name: Annotated[
            str,
            typer.Argument(
                help="A name of the catalogue (`llmagentos models` lists them), or hf:org/repo, hf:org/repo@revision, "
                "hf:org/repo:Q4_K_M or hf:org/repo/file.gguf."
            ),
        ],
        verify: Annotated[
            bool, typer.Option("--verify", help="Read the whole model again; fetch anew what of it has changed.")
        ] = False,
        force: Annotated[
            bool,
            typer.Option("--force", help="Fetch it anew even if it is there; of the hub, what has changed there."),
        ] = False,
    ) -> None:
        """Fetch a model, check it and keep it. In a pipe, prints its path and nothing else."""
        from llmagentos.cli.output import piped, printable
        from llmagentos.errors import InvalidRequestError
        from llmagentos.market import cached, find, pull
        from llmagentos.market.entries import file_entry_named
        from llmagentos.market.hub_name import is_hub_name

        if not is_hub_name(name) and find(name) is None and Path(name).exists():
            raise InvalidRequestError(f"{name} is on this machine already, and is used by its path: -m {name}")
        model = name if is_hub_name(name) else file_entry_named(name)
        was_there = cached(model) is not None
        try:
            path = pull(model, verify=verify, force=force)
        except KeyboardInterrupt:
            print("stopped: what is complete is kept, and pulling again goes on from there", file=sys.stderr)
            raise typer.Exit(130) from None
        if not sys.stdout.isatty():
            print(piped(str(path)))
            return
        state = "is already there" if was_there and not (verify or force) else "is ready"
        entry = find(name)
        print(f"{name if entry is None else entry.name} {state}: {printable(str(path))}")
        if entry is not None:
            print(f"Licence: {entry.licence}" + (f", {entry.licence_url}" if entry.licence_url else ""))
