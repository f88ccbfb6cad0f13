"""Fetches a model from the Hugging Face hub into the cache of huggingface_hub.

Bytes are appended to `blobs/<hash>.incomplete` as they arrive, so that a pull that was interrupted or killed goes on
where it stopped, and get their name only when they have that hash. huggingface_hub does the requests and makes the
links.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.market.cache import is_offline, sha256_of
from llmagentos.market.hub_name import HubName
from llmagentos.market.progress import ProgressCallback
from llmagentos.market.pull_lock import pull_lock
from llmagentos.market.sources import hub_cache
from llmagentos.market.sources.hub_errors import hub_errors, no_space, offline
from llmagentos.market.sources.hub_listing import HubFile, Listing, list_files

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)
_SHA1_LENGTH, _SHA256_LENGTH = 40, 64


def fetch(name: HubName, report: ProgressCallback, *, verify: bool = False, force: bool = False) -> Path:
    """The model's file or folder in the cache, fetched as far as it is not there.

    Args:
        verify: read the files that are there, and fetch anew those whose bytes have changed.
        force: ask the hub what the revision is by now, and fetch what is new of it.

    Raises:
        ModelNotFoundError: no such model, access, network, disk space or permission; or the network is forbidden.
        ModelFormatError: what was fetched does not have the hash that the hub says.
    """
    if verify and _drop_damaged(name, report):
        force = True  # of what was dropped, only the hub knows that the model needs it
    path = hub_cache.cached(name)
    if path is not None and not force:
        return path
    storage = hub_cache.storage_of(name.repo)
    if is_offline():
        raise ModelNotFoundError(offline(name, storage, "LLMAGENTOS_OFFLINE"))
    with hub_errors(name, storage):
        listing = list_files(name)
        locks = hub_cache.root() / ".locks" / storage.name
        locks.mkdir(parents=True, exist_ok=True)
        with pull_lock(locks / "llmagentos.lock", str(name), listing.n_bytes, report):
            _fetch_files(name, listing, storage, report)
        hub_cache.write_ref(name, listing.commit, is_converted=listing.is_converted)
    path = hub_cache.cached(name)
    if path is None:
        raise ModelNotFoundError(f"{name}: its index names weights that the repository does not have")
    return path


def _fetch_files(name: HubName, listing: Listing, storage: Path, report: ProgressCallback) -> None:
    from huggingface_hub import constants, hf_hub_download

    blobs, snapshot = storage / "blobs", storage / "snapshots" / listing.commit
    missing = [file for file in listing.files if not (snapshot / file.path).is_file()]
    _check_space(name, missing, blobs)
    done = listing.n_bytes - sum(file.n_bytes for file in missing)
    for file in missing:
        before = done

        def fetched(n_bytes: int, before: int = before, path: str = file.path) -> None:
            report(before + n_bytes, listing.n_bytes, f"{name}: fetching {path}")

        # Larger files come in another way only, which huggingface_hub takes below and which cannot be resumed.
        if not (blobs / file.hash).is_file() and file.n_bytes <= constants.MAX_HTTP_DOWNLOAD_SIZE:
            _fetch_blob(name, listing.commit, file, blobs, fetched)
        hf_hub_download(
            name.repo, file.path, revision=listing.commit, library_name="llmagentos", tqdm_class=_bar(fetched)
        )
        done += file.n_bytes


def _fetch_blob(name: HubName, commit: str, file: HubFile, blobs: Path, fetched: Callable[[int], None]) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    partial = blobs / f"{file.hash}.incomplete"
    blobs.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as out:
        start = out.tell()
        if start > file.n_bytes:
            out.truncate(0)
            start = 0
        fetched(start)
        http_get(
            hf_hub_url(name.repo, file.path, revision=commit),
            out,
            resume_size=start,
            headers=build_hf_headers(library_name="llmagentos"),
            expected_size=file.n_bytes,
            tqdm_class=_bar(fetched),
        )
        out.flush()
        os.fsync(out.fileno())
    if not _has_hash(partial, file.hash):
        partial.unlink()
        raise ModelFormatError(
            f"{name}: {file.path} does not have the hash {file.hash} that the hub says: the download was damaged, and "
            "nothing of it was kept; pull again",
            path=str(blobs),
        )
    os.replace(partial, blobs / file.hash)


def _has_hash(path: Path, digest: str) -> bool:
    """Whether the bytes have a hash as the hub says it: SHA-256, or git's SHA-1 of a blob."""
    if len(digest) == _SHA256_LENGTH:
        return sha256_of(path) == digest
    data = path.read_bytes()  # files that the hub keeps in git are small
    header = f"blob {len(data)}\0".encode()
    return len(digest) != _SHA1_LENGTH or hashlib.sha1(header + data, usedforsecurity=False).hexdigest() == digest


def _drop_damaged(name: HubName, report: ProgressCallback) -> bool:
    """Removes those of the model's files whose bytes do not have the hash that the cache calls them by."""
    links = [path for path in hub_cache.files_of(name) or [] if path.is_symlink()]
    total, done = max(1, sum(link.stat().st_size for link in links)), 0
    any_dropped = False
    for link in links:
        report(done, total, f"{name}: checking {link.name}")
        blob = link.parent / os.readlink(link)  # which may be a link itself, to bytes that repositories share
        done += blob.stat().st_size
        if not _has_hash(blob, blob.name):
            _log.warning("%s: %s is damaged; it will be fetched anew", name, link)
            link.unlink()
            blob.unlink()
            any_dropped = True
    return any_dropped


def _check_space(name: HubName, missing: list[HubFile], blobs: Path) -> None:
    there = next(folder for folder in (blobs, *blobs.parents) if folder.exists())
    needed = sum(file.n_bytes for file in missing if not (blobs / file.hash).exists())
    for file in missing:
        with suppress(OSError):  # nothing of it has arrived
            needed -= (blobs / f"{file.hash}.incomplete").stat().st_size
    free = shutil.disk_usage(there).free
    if needed > free:
        raise no_space(name, blobs.parent, needed, free)


def _bar(fetched: Callable[[int], None]) -> Any:
    """What stands in for a progress bar of huggingface_hub, and tells `fetched` how many bytes of a file are there."""

    class Bar:
        def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
            self.n_bytes = initial

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing is open."""

        def update(self, n: float | None = 1) -> None:
            self.n_bytes += int(n or 0)
            fetched(self.n_bytes)

    return Bar
