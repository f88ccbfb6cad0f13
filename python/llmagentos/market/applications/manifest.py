"""What an application says of itself, in its file app.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmagentos.market.toml_table import Table, parse_toml

MANIFEST = "app.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,3}([.+-]?[a-z0-9]+)*")
_ENTRY = re.compile(r"([A-Za-z0-9_]+/)*[A-Za-z0-9_]+\.py")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An application's own description.

    Attributes:
        name: what it is installed and run by.
        version: such as "1.0.2".
        description: what it is and what it is good for, in a sentence or two.
        licence: an SPDX identifier, or the name of its terms.
        entry: path of the Python file that `llmagentos run` starts.
        models: names of the models it uses, as `LLM(...)` takes them.
        tools: names of the tools it uses, as `load_tools` takes them.
        permissions: what else it does to the machine or on the network, each in a sentence.
    """

    name: str
    version: str
    description: str
    licence: str
    entry: str
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


def parse_manifest(where: str, text: str) -> Manifest:
    """A manifest from the text of an app.toml; `where` names it in errors.

    Raises:
        InvalidRequestError: it is not TOML, or a field is missing, unknown, of the wrong type or malformed.
    """
    return manifest_of(where, parse_toml(where, text))


def manifest_of(where: str, values: Mapping[str, Any]) -> Manifest:
    """A manifest from its fields; errors are those of `parse_manifest`."""
    table = Table(where, values)
    manifest = Manifest(
        name=table.text("name", _NAME),
        version=table.text("version", _VERSION),
        description=table.text("description"),
        licence=table.text("licence"),
        entry=table.text("entry", _ENTRY) if table.has("entry") else "main.py",
        models=table.texts("models"),
        tools=table.texts("tools"),
        permissions=table.texts("permissions"),
    )
    table.done()
    return manifest
