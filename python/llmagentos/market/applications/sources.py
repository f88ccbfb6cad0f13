"""Where applications are found by name: in this package, in packages that add them, and among those installed.

A package adds applications under the entry-point group `llmagentos.applications`; what an entry names is a package,
whose folder is the application.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from llmagentos.errors import ApplicationError, InvalidRequestError, shown
from llmagentos.market import cache
from llmagentos.market.applications.files import manifest_in, read_folder
from llmagentos.market.applications.manifest import MANIFEST, Manifest, parse_manifest

ENTRY_POINTS = "llmagentos.applications"
_TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True, slots=True)
class Application:
    """An application that is on this machine.

    Attributes:
        folder: where it is.
        source: "built in", "installed", or "package NAME".
    """

    manifest: Manifest
    folder: Path
    source: str


def installed_folder() -> Path:
    """The folder of the applications that were installed."""
    return cache.home() / "applications"


def applications() -> list[Application]:
    """All applications on this machine: those installed, those of this package, and those that others add.

    One that is installed hides others of its name. None is imported for it.
    """
    found: dict[str, Application] = {}
    for application in _all():
        found.setdefault(application.manifest.name, application)
    return sorted(found.values(), key=lambda application: application.manifest.name)


def application_named(name: str) -> Application:
    """The application of that name, or in the folder of that path, which then has a "/" in it or is ".".

    Raises:
        ApplicationError: there is none, or the folder is none.
        InvalidRequestError: its manifest is malformed.
    """
    if os.sep in name or name in (".", ".."):
        folder = Path(name).absolute()
        return Application(manifest_in(name, read_folder(folder)), folder, "folder")
    for application in _all():
        if application.manifest.name == name:
            return application
    if (Path(name) / MANIFEST).is_file():
        raise ApplicationError(f"no application is named {shown(name)}; for the folder write ./{name}")
    raise ApplicationError(f"no application is named {shown(name)}; `llmagentos market list` lists them")


def _all() -> Iterator[Application]:
    yield from _in(installed_folder(), "installed")
    yield from _in(_TEMPLATES, "built in")
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist is not None else ""
        yield _read(_folder_of(entry), f"package {package}")


def _in(folder: Path, source: str) -> Iterator[Application]:
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        if not path.parent.name.startswith("."):
            yield _read(path.parent, source)


def _read(folder: Path, source: str) -> Application:
    path = folder / MANIFEST
    try:
        return Application(parse_manifest(str(path), path.read_text(encoding="utf-8")), folder, source)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from None


def _folder_of(entry: EntryPoint) -> Path:
    spec = importlib.util.find_spec(entry.value)
    if spec is None or spec.origin is None:
        raise ApplicationError(f"the application {entry.name!r} is at {entry.value!r}, which is not installed")
    return Path(spec.origin).parent
