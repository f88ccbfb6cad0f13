"""Schemas whose values would have to hold values of the same kind without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from llmagentos.errors import SchemaError
from llmagentos.structured.pointers import escape, place


def check_finite(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that every schema has values that come to an end, as far as references decide it.

    Args:
        schemas: every schema by its JSON pointer, "" the root; all references lead to one of them.

    Raises:
        SchemaError: points at a schema that has none.
    """
    endless = dict(schemas)
    is_news = True
    while is_news:
        ended = [at for at, node in endless.items() if _ends(at, node, endless)]
        for at in ended:
            del endless[at]
        is_news = bool(ended)
    for pointer in endless:
        raise SchemaError(f"{place(pointer)}: its values would hold others of their kind without end", pointer)


def _ends(pointer: str, node: Mapping[str, Any], endless: Mapping[str, Any]) -> bool:
    """Whether a value can be made of those schemas that are not in `endless`."""
    if "$ref" in node and unquote(node["$ref"][1:]) in endless:
        return False
    if any(f"{pointer}/allOf/{index}" in endless for index in range(len(node.get("allOf", ())))):
        return False
    for keyword in ("anyOf", "oneOf"):
        parts = range(len(node.get(keyword, ())))
        if parts and all(f"{pointer}/{keyword}/{index}" in endless for index in parts):
            return False
    needed = {"object": _required(pointer, node), "array": _items(pointer, node)}
    types = node.get("type", "null")
    return any(
        all(part not in endless for part in needed.get(kind, ()))
        for kind in ([types] if isinstance(types, str) else types)
    )


def _required(pointer: str, node: Mapping[str, Any]) -> Iterator[str]:
    for name in node.get("required", ()):
        yield f"{pointer}/properties/{escape(name)}"


def _items(pointer: str, node: Mapping[str, Any]) -> Iterator[str]:
    n_items, n_prefix = node.get("minItems", 0), len(node.get("prefixItems", ()))
    for index in range(min(n_items, n_prefix)):
        yield f"{pointer}/prefixItems/{index}"
    if n_items > n_prefix:
        yield f"{pointer}/items"
