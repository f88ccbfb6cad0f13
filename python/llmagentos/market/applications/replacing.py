"""Folders put in place of others, such that a kill at any moment loses neither the older nor the newer one."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llmagentos.market import cache

_NEW = ".installing-"  # begins the name of a folder for what is not yet in place, or no longer
_REPLACED = ".replaced-"  # and a folder's name: what it was, until the newer one is there
_ABANDONED = 24 * 3600.0  # seconds after which nobody is at work in a folder any more


@contextmanager
def beside(home: Path) -> Iterator[Path]:
    """A folder on the file system of the installed applications, which is removed afterwards with what is in it."""
    with tempfile.TemporaryDirectory(prefix=_NEW, dir=home, ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def put(made: Path, folder: Path, temporary: Path) -> None:
    """Puts what was made in the folder's place. What was there before goes to `temporary`."""
    before = folder.with_name(f"{_REPLACED}{folder.name}")
    with _alone():
        _put_back(folder.parent)
        if folder.exists():
            os.replace(folder, before)
        os.replace(made, folder)
        if before.exists():
            os.replace(before, temporary / "old")


def take(folder: Path, temporary: Path) -> None:
    """Moves a folder to `temporary`."""
    with _alone():
        _put_back(folder.parent)
        os.replace(folder, temporary / "old")


def recover(home: Path) -> None:
    """Puts back what was being replaced when a process was killed, where the folder can be written."""
    if any(home.glob(f"{_REPLACED}*")):
        with suppress(OSError), _alone():
            _put_back(home)


def _put_back(home: Path) -> None:
    for before in home.glob(f"{_REPLACED}*"):
        folder = home / before.name.removeprefix(_REPLACED)
        if folder.exists():
            shutil.rmtree(before, ignore_errors=True)
        else:
            os.replace(before, folder)
    for left in home.glob(f"{_NEW}*"):
        with suppress(OSError):  # its owner has removed it meanwhile
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Held by one thread of one process at a time, while folders are put in place of others."""
    from filelock import FileLock

    with FileLock(cache.home() / "applications.lock"):
        yield
