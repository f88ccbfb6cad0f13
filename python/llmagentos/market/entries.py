"""The catalogue: TOML files under `models/`, one per model or family, read into checked, frozen dataclasses.

A file describes one model, or has a table under `[[models]]` for each of several; what stands outside these tables
holds for all of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmagentos.errors import InvalidRequestError, ModelNotFoundError
from llmagentos.market.facts import (
    TASKS,
    CatalogueEntry,
    Entry,
    FolderEntry,
    HubEntry,
    Part,
    RemoteEntry,
    WheelEntry,
    names_of,
)
from llmagentos.market.hub_name import parse_hub_name
from llmagentos.market.remote_name import REMOTE_FORMS, is_remote_name, parse_remote_name
from llmagentos.market.toml_table import Table, parse_toml

_FOLDER = Path(__file__).parent / "models"
_SOURCE = re.compile(r"pypi:([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _part(where: str, values: Mapping[str, Any]) -> Part:
    table = Table(where, values)
    source = _SOURCE.fullmatch(table.text("source"))
    if source is None:
        raise table.fault(f"'source' must read pypi:NAME==VERSION, not {values['source']!r}")
    member = table.text("member")
    if member.startswith("/") or "\\" in member or ".." in member.split("/"):
        raise table.fault(f"'member' must be a relative path inside the wheel, not {member!r}")
    part = Part(
        package=source[1],
        version=source[2],
        wheel_bytes=table.count("wheel_bytes"),
        member=member,
        n_bytes=table.count("n_bytes"),
        sha256=table.text("sha256", _SHA256),
    )
    table.done()
    return part


def parse_entry(where: str, values: Mapping[str, Any]) -> CatalogueEntry:
    """An entry from the values of a TOML file; `where` names it in errors.

    Raises:
        InvalidRequestError: a field is missing, unknown, of the wrong type or malformed, or the parts do not add up.
    """
    table = Table(f"catalogue entry {where}", values)
    aliases = table.take("aliases", list) if table.has("aliases") else []
    for alias in aliases:
        if not isinstance(alias, str) or not _NAME.fullmatch(alias):
            raise table.fault(f"'aliases' holds a malformed name: {alias!r}")
    task = table.text("task")
    if task not in TASKS:
        raise table.fault(f"'task' must be one of {', '.join(TASKS)}, not {task!r}")
    about: dict[str, Any] = {
        "name": table.text("name", _NAME),
        "aliases": tuple(aliases),
        "family": table.text("family"),
        "description": table.text("description"),
        "task": task,
        "licence": table.text("licence"),
        "licence_url": table.text("licence_url") if table.has("licence_url") else None,
        "context_length": table.count("context_length") if table.has("context_length") else None,
    }
    entry = _remote_entry(table, about) if table.has("service") else _local_entry(table, about)
    table.done()
    return entry


def _remote_entry(table: Table, about: dict[str, Any]) -> RemoteEntry:
    stands_for = table.take("stands_for", dict) if table.has("stands_for") else {}
    for name, reason in stands_for.items():
        if not _NAME.fullmatch(name) or not isinstance(reason, str) or not reason:
            raise table.fault(f"'stands_for' must give names and reasons, not {name!r} = {reason!r}")
    try:
        return RemoteEntry(
            **about, service=parse_remote_name(table.text("service")), stands_for=tuple(stands_for.items())
        )
    except ModelNotFoundError as error:
        raise table.fault(f"'service': {error}") from None


def _local_entry(table: Table, about: dict[str, Any]) -> Entry:
    about |= {
        "architecture": table.text("architecture"),
        "parameters": table.count("parameters"),
        "n_bytes": table.count("n_bytes"),
    }
    if table.has("wheel"):
        return _folder_entry(table, about)
    return _hub_entry(table, about) if table.has("source") else _wheel_entry(table, about)


def _hub_entry(table: Table, about: dict[str, Any]) -> HubEntry:
    try:
        return HubEntry(**about, source=parse_hub_name(table.text("source")))
    except ModelNotFoundError as error:
        raise table.fault(f"'source': {error}") from None


def _wheel_entry(table: Table, about: dict[str, Any]) -> WheelEntry:
    parts = table.take("parts", list)
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise table.fault("'parts' must hold at least one table")
    entry = WheelEntry(
        **about,
        file=table.text("file", _FILE),
        sha256=table.text("sha256", _SHA256),
        parts=tuple(_part(f"{table.where}, part {i}", part) for i, part in enumerate(parts, 1)),
    )
    if sum(part.n_bytes for part in entry.parts) != entry.n_bytes:
        raise table.fault(f"the parts' n_bytes add up to {sum(p.n_bytes for p in entry.parts)}, not {entry.n_bytes}")
    return entry


def _folder_entry(table: Table, about: dict[str, Any]) -> FolderEntry:
    source, root, n_bytes = table.text("wheel"), table.text("folder"), table.count("wheel_bytes")
    files = table.take("files", list)
    if not files or not all(isinstance(file, dict) for file in files):
        raise table.fault("'files' must hold at least one table")
    parts = []
    for i, file in enumerate(files, 1):
        name = file.get("name")
        values = {key: value for key, value in file.items() if key != "name"}
        whole = {**values, "source": source, "wheel_bytes": n_bytes, "member": f"{root}/{name}"}
        parts.append(_part(f"{table.where}, file {i}", whole))
    return FolderEntry(**about, root=root, parts=tuple(parts))


def load_entries(folder: Path) -> tuple[CatalogueEntry, ...]:
    """Every entry under `folder`, by family and size, those of services last; no two may share a name or alias.

    Raises:
        InvalidRequestError: see `parse_entry`; or a name is used twice, or a file is not TOML.
    """
    entries: list[CatalogueEntry] = []
    owner: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in _entries_in(path, path.read_text(encoding="utf-8")):
            for name in names_of(entry):
                if name in owner:
                    raise InvalidRequestError(f"catalogue entry {path.name}: '{name}' is already used by {owner[name]}")
                owner[name] = path.name
            entries.append(entry)
    return tuple(sorted(entries, key=_order))


def _order(entry: CatalogueEntry) -> tuple[bool, str, int, str]:
    n_weights = None if isinstance(entry, RemoteEntry) else entry.parameters
    return n_weights is None, entry.family.lower(), n_weights or 0, entry.name


def _entries_in(path: Path, text: str) -> list[CatalogueEntry]:
    values = parse_toml(f"catalogue entry {path.name}", text)
    tables = values.pop("models", [{}])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidRequestError(f"catalogue entry {path.name}: 'models' must be a list of tables")
    return [parse_entry(path.name, {**values, **table}) for table in tables]


@functools.cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """The models this package knows by name."""
    return load_entries(_FOLDER)


@functools.lru_cache(maxsize=16)
def mentions(name: str) -> tuple[CatalogueEntry, ...]:
    """The entries of those files that mention the name: a start that asks for one model should not pay for all."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.toml")))
    return tuple(entry for path, text in texts if f'"{name}"' in text for entry in _entries_in(path, text))


def find(name: str) -> CatalogueEntry | None:
    """The entry with this name or alias, in any case; None where there is none."""
    wanted = name.strip().lower()
    return next((entry for entry in mentions(wanted) if wanted in names_of(entry)), None)


def entry_named(name: str) -> CatalogueEntry:
    """Like `find`.

    Raises:
        ModelNotFoundError: no such name; the message lists the nearest ones and says how to give a path.
    """
    entry = find(name)
    if entry is not None:
        return entry
    import difflib

    names = [known for entry in catalogue() for known in names_of(entry)]
    near = difflib.get_close_matches(name.strip().lower(), names, n=3, cutoff=0.5)
    # One suggestion per model: an alias that is as near as the name would only repeat it.
    suggestions = list(dict.fromkeys(found.name for found in map(find, near) if found is not None))
    hint = f"did you mean {' or '.join(suggestions)}? " if suggestions else ""
    raise ModelNotFoundError(
        f"no model is named '{name}': {hint}`llmagentos models` lists the catalogue. For a file or folder of your own "
        "give its path, such as ./model.gguf, for a model on the hub hf:org/repo, and for one of a service "
        f"{REMOTE_FORMS}"
    )


def file_entry_named(name: str) -> Entry:
    """Like `entry_named`, for a model that is to be fetched or read.

    Raises:
        ModelNotFoundError: no such name, or it is one of a service's models.
    """
    if is_remote_name(name):
        raise ModelNotFoundError(f"{name} is a model of a service: it has no files to fetch or read")
    return with_files(entry_named(name))


def with_files(entry: CatalogueEntry) -> Entry:
    """The entry, of a model that has files.

    Raises:
        ModelNotFoundError: a service runs it.
    """
    if isinstance(entry, RemoteEntry):
        raise ModelNotFoundError(
            f"{entry.name} is a model of a service ({entry.service}): it has no files to fetch or read"
        )
    return entry
