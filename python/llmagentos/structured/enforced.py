"""A checked schema in the words that llguidance enforces to the letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmagentos.structured.formats import MAX_HOSTNAME, PATTERNS
from llmagentos.structured.keywords import SUBSCHEMAS, is_annotation
from llmagentos.structured.numbers import BOUNDS, inclusive_bounds


def enforced(schema: Any) -> Any:
    """The same schema without annotations, with bounds and formats as llguidance reads them exactly.

    Every schema stays where it is, so that references lead to where they led.
    """
    if not isinstance(schema, Mapping):
        return schema
    written: dict[str, Any] = {}
    for keyword, value in schema.items():
        kind = SUBSCHEMAS.get(keyword)
        if kind == "map":
            written[keyword] = {name: enforced(one) for name, one in value.items()}
        elif kind == "list":
            written[keyword] = [enforced(one) for one in value]
        elif kind == "schema":
            written[keyword] = enforced(value)
        elif keyword not in BOUNDS and not is_annotation(keyword):
            written[keyword] = value
    written.update(inclusive_bounds(schema))
    _write_format(written)
    return written


def _write_format(written: dict[str, Any]) -> None:
    name = written.get("format")
    if name == "hostname":
        written["maxLength"] = min(MAX_HOSTNAME, written.get("maxLength", MAX_HOSTNAME))
    if name in PATTERNS:
        del written["format"]
        if "pattern" in written:
            written["allOf"] = [*written.get("allOf", ()), {"pattern": PATTERNS[name]}]
        else:
            written["pattern"] = PATTERNS[name]
