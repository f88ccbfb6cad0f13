"""`llmagentos new`: a project from a template."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds `new` to the app."""

    @app.command()
    def new(
        template: Annotated[str, typer.Argument(help="An application of `llmagentos market list`, or ./folder.")],
        folder: Annotated[str, typer.Argument(help="The new folder; its name becomes the application's.")],
    ) -> None:
        """Make a project of your own from a template, with tests that pass."""
        from llmagentos.cli.output import printable
        from llmagentos.market.applications.files import read_folder
        from llmagentos.market.applications.install import create
        from llmagentos.market.applications.sources import application_named

        found = application_named(template)
        path = create(found, read_folder(found.folder), folder)
        print(printable(f"{path} is made from {found.manifest.name}"))
        print(printable(f"`llmagentos run {path}` starts it, and `pytest {path}` tests it"))
