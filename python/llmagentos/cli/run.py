"""`llmagentos run`: starts an application."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds `run` to the app."""

    @app.command(context_settings={"allow_extra_args": True, "allow_interspersed_args": False})
    def run(
        context: typer.Context,
        application: Annotated[str, typer.Argument(help="A name of `llmagentos market list`, or ./folder.")],
    ) -> None:
        """Start an application.

        What follows its name is for the application itself: `run NAME --help` shows what it takes.
        """
        from llmagentos.market.applications import start
        from llmagentos.market.applications.sources import application_named

        found = application_named(application)
        # The process becomes the application: signals and the terminal are its own.
        entry = os.path.join(found.folder, found.manifest.entry)
        sys.stdout.flush()
        program = f"llmagentos run {os.path.basename(application)}"  # after a "/" is what argparse shows
        os.execv(sys.executable, [sys.executable, start.__file__, program, entry, *context.args])  # noqa: S606
