"""The web page: files of this package, served as they are."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"


class PageFiles(StaticFiles):
    """Static files; a path that no file can have is one that is not there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if "\0" in path:
            raise HTTPException(404)
        return await super().get_response(path, scope)


def mount_page(app: FastAPI, folder: Path = STATIC) -> None:
    """Serve the page at /, behind all other routes, if it is there."""
    if (folder / "index.html").is_file():
        app.mount("/", PageFiles(directory=folder, html=True), name="page")
