"""JSON Schema's keywords: which are enforced, and what each may hold.

Draft 2020-12, and of earlier drafts what means the same. Nothing is read past silently: a keyword that is in neither of
the two tables is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from llmagentos.errors import shown
from llmagentos.structured.numbers import MAX_NUMBER, is_on_grid, is_step

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
FORMATS = ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")

# They say something about a value but forbid none. `discriminator` (OpenAPI) names the property that tells the
# alternatives of a oneOf apart, which their own schemas say too.
ANNOTATIONS = frozenset(
    {
        "$comment",
        "$schema",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    }
)

MAX_REGEX = 10_000  # characters: compiling takes time that grows with their square
_MAX_COUNT = 10**9

Children = Literal["schema", "list", "map"]

# Where a keyword's value holds schemas: it is one, a list of them, or a map from names to them.
SUBSCHEMAS: Mapping[str, Children] = {
    "$defs": "map",
    "definitions": "map",
    "properties": "map",
    "patternProperties": "map",
    "additionalProperties": "schema",
    "items": "schema",
    "prefixItems": "list",
    "allOf": "list",
    "anyOf": "list",
    "oneOf": "list",
}

_HOLDING_VALUES = ("properties", "patternProperties", "additionalProperties", "items", "prefixItems")


def _is_anything(_value: Any) -> bool:
    return True


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MAX_COUNT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= MAX_NUMBER


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _is_types(value: Any) -> bool:
    types = value if isinstance(value, list) else [value]
    return bool(types) and all(isinstance(name, str) and name in TYPES for name in types)


def _is_regex(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_REGEX


_COUNT = (_is_count, f"an integer from 0 to {_MAX_COUNT}")
_NUMBER = (_is_number, "a number between -2**53 and 2**53")
_EXCLUSIVE = (lambda value: _is_number(value) and abs(value) < MAX_NUMBER, "a number above -2**53 and below 2**53")

# What the value of a keyword must be, and in words.
VALUES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_types, f"one of {', '.join(TYPES)}, or a list of them"),
    "const": (_is_anything, "any value"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list of at least one value"),
    "$ref": (lambda value: isinstance(value, str) and value.startswith("#"), 'a reference within the schema ("#/...")'),
    "required": (_is_names, "a list of different strings"),
    "minProperties": _COUNT,
    "maxProperties": _COUNT,
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "pattern": (_is_regex, f"a regular expression of at most {MAX_REGEX} characters"),
    "format": (lambda value: value in FORMATS, f"one of {', '.join(FORMATS)}"),
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "exclusiveMinimum": _EXCLUSIVE,
    "exclusiveMaximum": _EXCLUSIVE,
    "multipleOf": (
        lambda value: _is_number(value) and value > 0 and is_step(value),
        "a number above 0 that a few digits give exactly, 65535 without their point at most: 3 or 0.05, but not 0.07",
    ),
}


def is_annotation(keyword: str) -> bool:
    """Whether it may be passed over. Names that begin with x- are extensions by convention."""
    return keyword in ANNOTATIONS or (keyword.startswith("x-") and keyword != "x-guidance")


def is_intersection(node: Mapping[str, Any]) -> bool:
    """Whether a value has to satisfy several schemas here that may each say something about a number."""
    applied = node.keys() & {"$ref", "anyOf", "oneOf"}
    return "allOf" in node or len(applied) > 1 or bool(applied and node.keys() & {"multipleOf", *_HOLDING_VALUES})


# Characters that JSON can only write as \uXXXX, which grammars leave out.
_ESCAPED = re.compile("[\x00-\x07\x0b\x0e-\x1f\x7f\ud800-\udfff]")


def unwritable(value: Any) -> str | None:
    """Why no answer can hold this JSON value, or None."""
    if isinstance(value, str):
        return f"{shown(value)} has a character that answers cannot hold" if _ESCAPED.search(value) else None
    if type(value) in (int, float):
        exact = "a number between -2**53 and 2**53 of at most 15 digits, or 20 behind the point"
        return None if is_on_grid(value) else f"{shown(value)} is not supported: it must be {exact}"
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((fault for fault in map(unwritable, parts) if fault is not None), None)
