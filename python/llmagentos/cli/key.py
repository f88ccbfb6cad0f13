"""`llmagentos key`: a new API key for `llmagentos serve --keys`."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds `key` to the app."""

    @app.command()
    def key(
        name: Annotated[str, typer.Argument(help="Whose it is, in letters, digits, - and _; the log calls it so.")],
        requests: Annotated[int | None, typer.Option("--requests", min=1, help="Requests a minute at most.")] = None,
        tokens: Annotated[int | None, typer.Option("--tokens", min=1, help="Tokens a minute at most.")] = None,
    ) -> None:
        """Make an API key: its entry for the keys file on standard output, itself on standard error, only once."""
        from llmagentos.errors import InvalidRequestError
        from llmagentos.server.new_key import new_key

        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise InvalidRequestError(f"{name!r} is not valid: a key's name is up to 64 letters, digits, - and _")
        text, digest = new_key()
        print(f'[keys.{name}]\nsha256 = "{digest}"')
        if requests is not None:
            print(f"requests_per_minute = {requests}")
        if tokens is not None:
            print(f"tokens_per_minute = {tokens}")
        print(text, file=sys.stderr)
