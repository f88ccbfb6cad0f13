"""Installing applications: a folder of files that were checked, which appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from llmagentos.errors import ApplicationError, InvalidRequestError, shown
from llmagentos.market.applications.files import Files, manifest_in, write_folder
from llmagentos.market.applications.manifest import MANIFEST, parse_manifest
from llmagentos.market.applications.replacing import beside, put, recover, take
from llmagentos.market.applications.sources import Application, installed_folder

_NAME_LINE = re.compile(r"^name[ \t]*=.*\n?", re.MULTILINE)


def install(where: str, files: Files) -> Application:
    """Installs an application, in place of one of its name that is installed.

    Args:
        where: what errors call it.

    Raises:
        ApplicationError: the files are no application, or cannot be written.
        InvalidRequestError: the manifest is malformed.
    """
    manifest = manifest_in(where, files)
    home = installed_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with beside(home) as temporary:
            made, folder = temporary / "new", home / manifest.name
            write_folder(files, made)
            put(made, folder, temporary)
    except OSError as error:
        raise ApplicationError(f"{manifest.name} cannot be installed in {home}: {error.strerror}") from None
    return Application(manifest, folder, "installed")


def uninstall(name: str) -> None:
    """Removes an application that was installed.

    Raises:
        ApplicationError: none of that name is installed, or it cannot be removed.
    """
    home = installed_folder()
    recover(home)
    if not any(path.parent.name == name for path in home.glob(f"*/{MANIFEST}")):
        raise ApplicationError(f"no application named {shown(name)} is installed")
    try:
        with beside(home) as temporary:
            take(home / name, temporary)
    except OSError as error:
        raise ApplicationError(f"{home / name} cannot be removed: {error.strerror}") from None


def create(template: Application, files: Files, folder: str | os.PathLike[str]) -> Path:
    """Makes a project from a template's files: a new folder, whose name becomes the application's.

    Raises:
        ApplicationError: the folder exists and is not empty, or cannot be written; or the template does not say its
            name in a line of its own.
        InvalidRequestError: its name cannot be an application's.
    """
    path = Path(folder).absolute()
    text, n_renamed = _NAME_LINE.subn(lambda _: f"name = {json.dumps(path.name)}\n", files[MANIFEST].decode("utf-8"), 1)
    try:
        name = parse_manifest(MANIFEST, text).name
    except InvalidRequestError:
        raise InvalidRequestError(
            f"{shown(path.name)} cannot be an application's name: use lower-case letters, digits and hyphens"
        ) from None
    if not n_renamed or name != path.name:
        raise ApplicationError(
            f"{template.manifest.name} is no template: its {MANIFEST} has no line that says its name"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise ApplicationError(f"{path} is not empty; {template.manifest.name} was not copied there")
        write_folder({**files, MANIFEST: text.encode("utf-8")}, path)
    except OSError as error:
        raise ApplicationError(f"{path} cannot be written: {error.strerror}") from None
    return path
