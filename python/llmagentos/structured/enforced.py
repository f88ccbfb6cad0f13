"""A checked schema in the words that llguidance enforces to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmagentos.structured.formats import MAX_HOSTNAME, PATTERNS
from llmagentos.structured.keywords import SUBSCHEMAS, is_annotation
from llmagentos.structured.numbers import BOUNDS, inclusive_bounds
from llmagentos.structured.unions import are_told_apart


def enforced(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema without annotations, with bounds and formats as llguidance reads them exactly.

    Every schema stays where it is, so that references lead to where they led; but for the alternatives of a `oneOf`
    that a tag tells apart, which become those of an `anyOf`: llguidance does not look behind references for tags.
    """
    is_referred_to = "/oneOf/" in json.dumps(schema)
    written: dict[str, Any] = _enforced(schema, None if is_referred_to else schema)
    return written


def _enforced(schema: Any, root: Mapping[str, Any] | None) -> Any:
    """Args:
    root: the whole schema; None where no `oneOf` may be written otherwise.
    """
    if not isinstance(schema, Mapping):
        return schema
    written: dict[str, Any] = {}
    for keyword, value in schema.items():
        kind = SUBSCHEMAS.get(keyword)
        if kind == "map":
            written[keyword] = {name: _enforced(one, root) for name, one in value.items()}
        elif kind == "list":
            written[keyword] = [_enforced(one, root) for one in value]
        elif kind == "schema":
            written[keyword] = _enforced(value, root)
        elif keyword not in BOUNDS and not is_annotation(keyword):
            written[keyword] = value
    written.update(inclusive_bounds(schema))
    _write_format(written)
    if root is not None and "oneOf" in written and "anyOf" not in written and are_told_apart(schema["oneOf"], root):
        written["anyOf"] = written.pop("oneOf")
    return written


def _write_format(written: dict[str, Any]) -> None:
    name = written.get("format", "")
    if name == "hostname":
        written["maxLength"] = min(MAX_HOSTNAME, written.get("maxLength", MAX_HOSTNAME))
    if name in PATTERNS:
        del written["format"]
        if "pattern" in written:
            written["allOf"] = [*written.get("allOf", ()), {"pattern": PATTERNS[name]}]
        else:
            written["pattern"] = PATTERNS[name]
