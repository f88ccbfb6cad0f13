"""What of the hub is on this machine: the cache that every program shares which uses huggingface_hub.

Its layout, which huggingface_hub documents: `models--org--repo/` holds `refs/<revision>` (the commit last seen there),
`snapshots/<commit>/<path>` (links) and `blobs/<hash>` (the bytes).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.gguf_names import part_names
from llmagentos.market.hub_name import DEFAULT_REVISION, HubName
from llmagentos.market.sources.hub_files import CONFIG, INDEX, WEIGHTS, with_quantisation

COMMIT = re.compile(r"[0-9a-f]{40}")
# Under refs: the commit with the safetensors that the hub's converter offers for a default revision without any.
CONVERTED = "llmagentos-converted"


def root() -> Path:
    """The cache: HF_HUB_CACHE, else `hub` in HF_HOME, else the user's; as huggingface_hub read them when imported."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def storage_of(repo: str) -> Path:
    """The repository's own folder in the cache."""
    return root() / f"models--{repo.replace('/', '--')}"


def commit_of(name: HubName) -> str | None:
    """The commit that the revision was when it was last fetched."""
    if COMMIT.fullmatch(name.revision):
        return name.revision
    refs = storage_of(name.repo) / "refs"
    commit = _commit_in(refs / name.revision)
    return commit or (_commit_in(refs / CONVERTED) if name.revision == DEFAULT_REVISION else None)


def write_ref(name: HubName, commit: str, *, is_converted: bool) -> None:
    """Records which commit the revision is. Atomic."""
    if COMMIT.fullmatch(name.revision):
        return
    ref = storage_of(name.repo) / "refs" / (CONVERTED if is_converted else name.revision)
    ref.parent.mkdir(parents=True, exist_ok=True)
    temporary = ref.with_name(f"{ref.name}.{os.getpid()}")
    temporary.write_text(commit, encoding="ascii")
    os.replace(temporary, ref)


def cached(name: HubName) -> Path | None:
    """The model's file or folder in the cache where all of its weights are there; None otherwise. Asks no one."""
    files = files_of(name)
    if files is None:
        return None
    return files[0] if name.is_gguf else files[0].parent


def files_of(name: HubName) -> list[Path] | None:
    """The model's files in the cache: config.json first, or the first part of its GGUF file; None where any is missing.

    A folder counts as whole when its configuration and its weights are there.

    Raises:
        ModelNotFoundError: the cache cannot be read.
    """
    try:
        return _files_of(name)
    except OSError as error:
        raise ModelNotFoundError(
            f"cannot look for {name} in {root()}: {error.strerror}. Make it readable, or set HF_HOME to one that is"
        ) from error


def _files_of(name: HubName) -> list[Path] | None:
    commit = commit_of(name)
    if commit is None:
        return None
    snapshot = storage_of(name.repo) / "snapshots" / commit
    if not name.is_gguf:
        return _folder_files(snapshot)
    file = name.file
    if file is None:
        paths = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*.gguf")]
        try:
            file = with_quantisation(name, paths)
        except ModelNotFoundError:
            return None
    parts = [snapshot / part for part in part_names(file)]
    return parts if all(part.is_file() for part in parts) else None


def _commit_in(ref: Path) -> str | None:
    try:
        commit = ref.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    return commit if COMMIT.fullmatch(commit) else None


def _folder_files(snapshot: Path) -> list[Path] | None:
    config = snapshot / CONFIG
    if not config.is_file():
        return None
    weights = {WEIGHTS}
    if not (snapshot / WEIGHTS).is_file() and (snapshot / INDEX).is_file():
        try:
            weights = set(json.loads((snapshot / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
    if not all((snapshot / str(name)).is_file() for name in weights):
        return None
    return [config, *sorted(path for path in snapshot.rglob("*") if path.is_file() and path != config)]
