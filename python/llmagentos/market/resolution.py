"""From what a user calls a model to a file or folder on this machine."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from llmagentos.errors import ModelNotFoundError, UnsupportedModelError, shown
from llmagentos.gguf_names import only_model
from llmagentos.market.entries import entry_named, file_entry_named, find, with_files
from llmagentos.market.facts import RemoteEntry
from llmagentos.market.hub_name import is_hub_name, parse_hub_name
from llmagentos.market.install import pull
from llmagentos.market.progress import ProgressCallback
from llmagentos.market.remote_name import RemoteName, is_remote_name, parse_remote_name

_log = logging.getLogger(__name__)


def resolve(model: str | os.PathLike[str], *, progress: ProgressCallback | None = None) -> Path:
    """The local file or folder of a catalogue name, an alias, an `hf:` name or a path; what is missing is pulled.

    A name of the catalogue wins over a file of that name in the working folder (write `./name` for the file). What a
    path leads to is not opened here: whether it is a model is for its reader to say. A model that is in the cache is
    taken as it is there, and nobody is asked whether there is a newer one.

    Args:
        progress: as for `pull`, which see.

    Raises:
        ModelNotFoundError: no such name (the message lists near ones) or path, or the model cannot be fetched, or a
            service runs it.
        ModelFormatError: what was fetched is not what the catalogue or the hub says.
        UnsupportedModelError: the path is a folder without config.json that holds no GGUF model, or several.
    """
    if isinstance(model, str) and ((entry := find(model)) is not None or is_hub_name(model)):
        return pull(with_files(entry) if entry is not None else model, progress=progress)
    text = os.fspath(model)
    if isinstance(model, str) and is_remote_name(model) and not os.path.exists(model):
        file_entry_named(model)  # raises
    path = Path(text).expanduser()
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError) as error:  # a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelNotFoundError(f"there is no file {shown(text)}: {reason}") from error
    if is_file:
        return path
    if is_folder and (path / "config.json").is_file():
        return path
    if is_folder:
        if (file := only_model(path)) is not None:
            return file
        raise UnsupportedModelError(
            f"{path} is a folder without config.json, and without a .gguf file or with those of several models; give "
            "the path of a .gguf file, or of a folder as transformers saves it"
        )
    if isinstance(model, str) and not _looks_like_path(text):
        entry_named(text)  # raises, with the nearest names
    if path.exists():
        raise ModelNotFoundError(f"{path} is not a regular file: give the path of a .gguf file or of a folder")
    raise ModelNotFoundError(f"there is no file {path} (looked for {path.absolute()})")


def remote_name(model: str | os.PathLike[str]) -> RemoteName | None:
    """What names a service's model: a name such as `openai:MODEL`, or one of the catalogue; None for other models.

    A name that leads to another model than it says, such as a retired one's, is logged as a warning, with the reason.
    A file of the name that is there is meant rather than a service's model.

    Raises:
        ModelNotFoundError: it means to be such a name, and is not well formed.
    """
    if not isinstance(model, str):
        return None
    if is_remote_name(model):
        return None if os.path.exists(model) else parse_remote_name(model)
    entry = find(model)
    if not isinstance(entry, RemoteEntry):
        return None
    if (reason := entry.reason_for(model)) is not None:
        _log.warning("%s: %s; using %s", model, reason, entry.name)
    return entry.service


def is_remote(model: str) -> bool:
    """Whether `remote_name` finds a service's model in this name, or one that means to be; nothing is logged."""
    if is_remote_name(model):
        return not os.path.exists(model)
    return isinstance(find(model), RemoteEntry)


def known_as(model: str | os.PathLike[str]) -> str | None:
    """What a model is called that was named by the catalogue or the hub; None for a path, whose file says it."""
    if not isinstance(model, str):
        return None
    if is_hub_name(model):
        return parse_hub_name(model).repo
    entry = find(model)
    return None if entry is None else entry.name


def _looks_like_path(text: str) -> bool:
    return text.lower().endswith(".gguf") or text.startswith("~") or any(s in text for s in (os.sep, os.altsep) if s)
