"""Alternatives that a tag tells apart, so that no value can satisfy two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

_MAX_STEPS = 16  # references and unions that are looked through, one inside the other


def are_told_apart(alternatives: Sequence[Any], root: Mapping[str, Any]) -> bool:
    """Whether all are objects with one property that they require, of which each has values of its own.

    Args:
        root: the schema that references start from.
    """
    tags = [_tags(alternative, root, _MAX_STEPS) for alternative in alternatives]
    for name in set.intersection(*(set(one) for one in tags)):
        values = [value for one in tags for value in one[name]]
        if len(set(values)) == len(values):
            return True
    return False


def _tags(schema: Any, root: Mapping[str, Any], n_steps: int) -> dict[str, frozenset[str]]:
    """The required properties of an object that can only have some values, with these values as JSON."""
    node = _resolved(schema, root, n_steps)
    if not isinstance(node, Mapping) or n_steps == 0:
        return {}
    parts = node.get("oneOf", node.get("anyOf"))
    if parts is not None:
        tags = [_tags(part, root, n_steps - 1) for part in parts]
        names = set.intersection(*(set(one) for one in tags))
        return {name: frozenset().union(*(one[name] for one in tags)) for name in names}
    if node.get("type") != "object":
        return {}
    properties = node.get("properties", {})
    found = {name: _values(_resolved(properties.get(name), root, n_steps)) for name in node.get("required", ())}
    return {name: values for name, values in found.items() if values}


def _values(schema: Any) -> frozenset[str]:
    """None where one is a fraction, an array or an object, which may be equal and written otherwise."""
    if not isinstance(schema, Mapping):
        return frozenset()
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    is_plain = all(isinstance(value, (str, int)) for value in values)
    return frozenset(map(json.dumps, values)) if is_plain else frozenset()


def _resolved(schema: Any, root: Mapping[str, Any], n_steps: int) -> Any:
    """What a reference leads to; any other schema itself."""
    while isinstance(schema, Mapping) and "$ref" in schema and n_steps:
        schema, n_steps = _at(root, unquote(schema["$ref"][1:])), n_steps - 1
    return schema


def _at(root: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        root = root[int(name)] if isinstance(root, list) else root[name]
    return root
