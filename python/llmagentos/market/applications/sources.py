"""Where applications are found by name: in this package, in packages that add them, and among those installed.

A package adds applications under the entry-point group `llmagentos.applications`; what an entry names is a package,
whose folder is the application.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from llmagentos.errors import ApplicationError, InvalidRequestError, LLMAgentOSError, shown
from llmagentos.market import cache
from llmagentos.market.applications.files import manifest_in, read_folder
from llmagentos.market.applications.manifest import MANIFEST, Manifest, parse_manifest
from llmagentos.market.applications.replacing import recover

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


@dataclass(frozen=True, slots=True)
class _Broken:
    """What should be an application, and is none.

    Attributes:
        name: of its folder or its entry point, which most give the application too.
    """

    name: str
    error: LLMAgentOSError


def installed_folder() -> Path:
    """The folder of the applications that were installed."""
    return cache.home() / "applications"


def applications(on_broken: Callable[[LLMAgentOSError], object] = lambda _: None) -> list[Application]:
    """All applications on this machine: those installed, those of this package, and those that others add.

    One that is installed hides others of its name. None is imported for it.

    Args:
        on_broken: told of each that cannot be read, and why; the others are listed all the same.
    """
    found: dict[str, Application] = {}
    for one in _all():
        if isinstance(one, _Broken):
            on_broken(one.error)
        else:
            found.setdefault(one.manifest.name, one)
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
    for one in _all():
        if isinstance(one, Application):
            if one.manifest.name == name:
                return one
        elif one.name == name:
            raise one.error
    if (Path(name) / MANIFEST).is_file():
        raise ApplicationError(f"no application is named {shown(name)}; for the folder write ./{name}")
    raise ApplicationError(f"no application is named {shown(name)}; `llmagentos market list` lists them")


def _all() -> Iterator[Application | _Broken]:
    recover(installed_folder())
    yield from _in(installed_folder(), "installed")
    yield from _in(_TEMPLATES, "built in")
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist is not None else ""
        try:
            folder = _folder_of(entry)
        except ApplicationError as error:
            yield _Broken(entry.name, error)
        else:
            yield _read(entry.name, folder, f"package {package}")


def _in(folder: Path, source: str) -> Iterator[Application | _Broken]:
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        if not path.parent.name.startswith("."):
            yield _read(path.parent.name, path.parent, source)


def _read(name: str, folder: Path, source: str) -> Application | _Broken:
    path = folder / MANIFEST
    try:
        return Application(parse_manifest(str(path), path.read_text(encoding="utf-8")), folder, source)
    except InvalidRequestError as error:
        return _Broken(name, error)
    except (OSError, UnicodeDecodeError) as error:
        return _Broken(name, InvalidRequestError(f"{path} cannot be read: {error}"))


def _folder_of(entry: EntryPoint) -> Path:
    """Where the package is that an entry names. Neither it nor those around it are imported."""
    top, *rest = entry.value.strip().split(".")
    try:
        spec = importlib.util.find_spec(top) if top else None
        for count in range(1, len(rest) + 1):
            inside = None if spec is None else spec.submodule_search_locations
            spec = None if inside is None else PathFinder.find_spec(".".join((top, *rest[:count])), list(inside))
    except (ImportError, ValueError) as error:
        raise ApplicationError(f"the application {entry.name!r} is at {entry.value!r}: {error}") from None
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    if spec is None or spec.origin is None:
        raise ApplicationError(f"the application {entry.name!r} is at {entry.value!r}, which is not installed")
    return Path(spec.origin).parent
