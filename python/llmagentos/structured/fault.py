"""Where the fault is in a schema that is checked, and does not compile all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmagentos.errors import SchemaError
from llmagentos.structured.json_schema import children
from llmagentos.structured.lark import json_value
from llmagentos.structured.pointers import escape, place

_DEFINITIONS = ("$defs", "definitions")
_MAX_TRIES = 500  # schemas that are compiled on their own


def fault_of(schema: Mapping[str, Any], error_of: Callable[[str], str]) -> SchemaError | None:
    """What is wrong with a checked schema that does not compile, and where; None where it does.

    It is looked for among the schemas inside, each compiled on its own, then inside the first that does not compile.

    Args:
        error_of: compiles a grammar and says what is wrong with it, "" where nothing is.
    """
    error = error_of(f"start: {json_value(schema)}")
    if not error:
        return None
    shared = {key: schema[key] for key in _DEFINITIONS if key in schema}
    pointer, inside, n_tries = "", _inside("", schema), 0
    while n_tries < _MAX_TRIES and (found := next(inside, None)) is not None:
        at, node = found
        n_tries += 1
        own_error = error_of(f"start: {json_value({**shared, **node})}") if _stands_alone(node) else ""
        if own_error:
            pointer, error, inside = at, own_error, _inside(at, node)
    return SchemaError(f"{place(pointer)}: it cannot be enforced: {error}", pointer)


def _inside(pointer: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas right inside, definitions first: what refers to a bad one does not compile either."""
    for keyword, value in sorted(schema.items(), key=lambda item: item[0] not in _DEFINITIONS):
        for at, node in children(f"{pointer}/{escape(keyword)}", keyword, value):
            if isinstance(node, dict):
                yield at, node


def _stands_alone(node: Mapping[str, Any]) -> bool:
    """A reference to elsewhere than the definitions means something else in a part than in the whole."""
    return "#/" not in json.dumps(node).replace("#/$defs/", "").replace("#/definitions/", "")
