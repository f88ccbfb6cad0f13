"""How many ways a value of a schema may begin, all of which are followed at once until its text tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from llmagentos.errors import SchemaError
from llmagentos.structured.pointers import place

MAX_OPTIONAL = 450  # properties: each may come next

# llguidance follows 2,000 ways at once. Those of an optional property, and of an alternative that is not plain text:
_PER_PROPERTY, _PER_ALTERNATIVE = 4, 6
_MAX_WAYS = 1900  # some are left to what surrounds the schema


def check_breadth(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that no value has more ways to begin than can be followed, nor has to satisfy its schema to satisfy it.

    Args:
        schemas: every schema by its JSON pointer, "" the root; all references lead to one of them.

    Raises:
        SchemaError: points at the schema.
    """
    ways: dict[str, int | None] = {}  # None while they are counted

    def count(pointer: str) -> int:
        if pointer not in ways:
            ways[pointer] = None
            node = schemas.get(pointer, {})  # true and false are not among them
            ways[pointer] = _own_ways(node) + sum(map(count, _in_place(pointer, node)))
        found = ways[pointer]
        if found is None:
            raise SchemaError(f"{place(pointer)}: it leads back to itself for the same value", pointer)
        return found

    for pointer in sorted(schemas, key=len, reverse=True):
        if count(pointer) > _MAX_WAYS:
            raise SchemaError(
                f"{place(pointer)}: too much may come next: more than {MAX_OPTIONAL} optional properties, or "
                f"{_MAX_WAYS // _PER_ALTERNATIVE} alternatives",
                pointer,
            )


def _own_ways(node: Mapping[str, Any]) -> int:
    optional = node.get("properties", {}).keys() - set(node.get("required", ()))
    n_names = len(optional) + len(node.get("patternProperties", ()))
    containers = [value for value in node.get("enum", ()) if isinstance(value, (list, dict))]
    is_alternative = not node.keys() & {"anyOf", "oneOf", "allOf", "$ref", "enum", "const"}
    return n_names * _PER_PROPERTY + (len(containers) + is_alternative) * _PER_ALTERNATIVE


def _in_place(pointer: str, node: Mapping[str, Any]) -> Iterator[str]:
    """The schemas that say something about the same value."""
    for keyword in ("anyOf", "oneOf", "allOf"):
        for index in range(len(node.get(keyword, ()))):
            yield f"{pointer}/{keyword}/{index}"
    if "$ref" in node:
        yield unquote(node["$ref"][1:])
