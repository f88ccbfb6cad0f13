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
    """Static files, one route by the name of "page". All else that comes here is a route that there is not."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if "\0" in path or scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        scope["state"]["route"] = "page"
        return response


def page_paths() -> frozenset[str]:
    """Where the page and its files are, and nothing else is."""
    files = (file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.is_file())
    return frozenset({"/", *(f"/{file}" for file in files)})


def mount_page(app: FastAPI, folder: Path = STATIC) -> None:
    """Serve the page at /, behind all other routes, if it is there."""
    if (folder / "index.html").is_file():
        app.mount("/", PageFiles(directory=folder, html=True), name="page")
