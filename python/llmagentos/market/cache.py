"""Where pulled models live on disk, and whether one is there and whole."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from llmagentos.market.entries import Entry, entry_named

_CHUNK = 1 << 20


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


def folder_of(entry: Entry) -> Path:
    """The entry's own folder in the cache."""
    return home() / "models" / entry.name


def path_of(entry: Entry) -> Path:
    """Where the entry's file is, or will be once pulled."""
    return folder_of(entry) / entry.file


def partial_of(entry: Entry) -> Path:
    """Where the parts of an unfinished pull are."""
    return folder_of(entry) / (entry.file + ".partial")


def marker_of(path: Path) -> Path:
    """The file beside a model that says which hash its bytes were found to have, in the format of `sha256sum -c`."""
    return path.with_name(path.name + ".sha256")


def has_marker(entry: Entry) -> bool:
    """True where the entry's file is marked as checked against the hash of the catalogue."""
    try:
        return marker_of(path_of(entry)).read_text(encoding="utf-8").split()[:1] == [entry.sha256]
    except (OSError, UnicodeDecodeError):
        return False


def has_size(entry: Entry) -> bool:
    """True where the entry's file is there with the size of the catalogue."""
    path = path_of(entry)
    return path.is_file() and path.stat().st_size == entry.n_bytes


def cached(model: str | Entry) -> Path | None:
    """The pulled file of a catalogue name, alias or entry; None where it is missing, cut short or was never checked.

    Quick: compares the size and the marker of the verified hash, and does not read the file.

    Raises:
        ModelNotFoundError: no such name.
    """
    entry = model if isinstance(model, Entry) else entry_named(model)
    return path_of(entry) if has_size(entry) and has_marker(entry) else None


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


def write_marker(entry: Entry) -> None:
    """Records that the entry's file was found to have the hash of the catalogue. Atomic."""
    marker = marker_of(path_of(entry))
    temporary = marker.with_name(marker.name + ".partial")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(f"{entry.sha256}  {entry.file}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, marker)
