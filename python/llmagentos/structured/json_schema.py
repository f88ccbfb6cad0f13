"""A JSON schema, checked keyword by keyword, so that what cannot be enforced is an error and not a hope."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from llmagentos.errors import SchemaError, shown
from llmagentos.structured.keywords import SUBSCHEMAS, VALUES, is_annotation, unwritable
from llmagentos.structured.reference_depth import reference_depth

MAX_DEPTH = 100  # of JSON inside JSON
MAX_REFERENCE_DEPTH = 400  # of schemas inside schemas, with those that references lead to


def check_schema(schema: object) -> dict[str, Any]:
    """A copy of the schema, of which every keyword is known, well-formed and enforced.

    `$schema` is left out: the schema is read as of draft 2020-12, and what other drafts read differently is refused.

    Raises:
        SchemaError: names the keyword, and points at it.
    """
    if not isinstance(schema, Mapping):
        raise SchemaError(f"a schema must be a dict, not {type(schema).__name__}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(schema), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    _check_depth(copy)
    copy.pop("$schema", None)
    walked = dict(_walk(copy))
    _check_references(walked)
    for pointer, node in walked.items():
        _check_counts(pointer, node)
        _check_patterns(pointer, node)
    return copy


def _check_depth(schema: Any) -> None:
    """Everything in it, values of `const` and `enum` too: what compiles schemas reads no JSON that is deeper."""
    level = [("", schema)]
    for _ in range(MAX_DEPTH):
        parts = ((at, part.items() if isinstance(part, dict) else enumerate(part)) for at, part in level)
        level = [
            (f"{at}/{escape(str(key))}", value)
            for at, items in parts
            for key, value in items
            if isinstance(value, (dict, list))
        ]
    if level:
        at = level[0][0]
        raise SchemaError(f"{place(at)}: schemas and their values are nested more than {MAX_DEPTH} deep", at)


def _walk(root: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema that is not just true or false, with its pointer; what is wrong with one is raised on the way."""
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:
        pointer, node = pending.pop()
        if isinstance(node, bool):
            continue
        if not isinstance(node, dict):
            raise SchemaError(f"{place(pointer)}: {shown(node)} is not a schema: it must be a dict or a bool", pointer)
        yield pointer, node
        for keyword, value in node.items():
            at = f"{pointer}/{escape(keyword)}"
            pending += children(at, keyword, value)
            if keyword not in SUBSCHEMAS:
                _check_value(at, keyword, value)
            elif keyword == "properties":
                _check_writable(at, list(value))


def children(at: str, keyword: str, value: Any) -> list[tuple[str, Any]]:
    """The schemas that this keyword's value is or holds, with their pointers; none where it holds no schemas.

    Raises:
        SchemaError: it should hold schemas, and does not.
    """
    kind = SUBSCHEMAS.get(keyword)
    if kind == "map":
        if isinstance(value, dict):
            return [(f"{at}/{escape(name)}", schema) for name, schema in value.items()]
        raise SchemaError(f"{place(at)}: {keyword}={shown(value)} is not valid: it must be a dict of schemas", at)
    if kind == "list":
        if isinstance(value, list) and value:
            return [(f"{at}/{index}", schema) for index, schema in enumerate(value)]
        raise SchemaError(f"{place(at)}: {keyword}={shown(value)} is not valid: it must be a list of schemas", at)
    if kind == "schema" and isinstance(value, list):
        raise SchemaError(f"{place(at)}: a list of {keyword} is not supported: write prefixItems", at)
    return [(at, value)] if kind == "schema" else []


def _check_value(at: str, keyword: str, value: Any) -> None:
    if is_annotation(keyword):
        return
    if keyword not in VALUES:
        raise SchemaError(f"{place(at)}: the keyword {shown(keyword)} is not supported", at)
    is_valid, domain = VALUES[keyword]
    if not is_valid(value):
        raise SchemaError(f"{place(at)}: {keyword}={shown(value)} is not supported: it must be {domain}", at)
    if keyword in ("const", "enum", "required"):
        _check_writable(at, value)


def _check_writable(at: str, value: Any) -> None:
    fault = unwritable(value)
    if fault is not None:
        raise SchemaError(f"{place(at)}: {fault}", at)


def _check_references(walked: Mapping[str, Mapping[str, Any]]) -> None:
    """Each must lead to a schema that was walked, following them must come to an end, and that must not be too deep."""
    ended = set[str]()
    for pointer, node in walked.items():
        at, path, here = f"{pointer}/$ref", set[str](), pointer
        while "$ref" in walked[here] and here not in ended:
            path.add(here)
            here = unquote(walked[here]["$ref"][1:])
            if here not in walked:
                raise SchemaError(f"{place(at)}: $ref={shown(node['$ref'])} leads to no schema in here", at)
            if here in path:
                raise SchemaError(f"{place(at)}: $ref={shown(node['$ref'])} leads back to itself", at)
        ended |= path
    depth = reference_depth(walked)
    if depth > MAX_REFERENCE_DEPTH:
        raise SchemaError(
            f"{place('')}: its references nest schemas up to {depth} deep, which is more than {MAX_REFERENCE_DEPTH}"
        )


def _check_counts(pointer: str, node: Mapping[str, Any]) -> None:
    """Bounds that contradict each other, and a count of properties that repeated names could feign."""
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")):
        if node.get(low, 0) > node.get(high, float("inf")):
            at = f"{pointer}/{high}"
            raise SchemaError(f"{place(at)}: {high}={node[high]} is below {low}={node[low]}", at)
    # Names that no `properties` list are not kept apart, so {"a": 1, "a": 2} would count as two.
    n_sure = len(node.get("required", ())) + 1
    if node.get("minProperties", 0) > n_sure:
        at = f"{pointer}/minProperties"
        raise SchemaError(
            f"{place(at)}: minProperties={node['minProperties']} is not supported: of these properties no more than "
            f"{n_sure} are sure to have different names",
            at,
        )


def _check_patterns(pointer: str, node: Mapping[str, Any]) -> None:
    """A property that a pattern speaks of too would have to meet both schemas."""
    names = list(node.get("properties", ()))
    for text in node.get("patternProperties", ()) if names else ():
        at = f"{pointer}/patternProperties/{escape(text)}"
        try:
            both = next(filter(re.compile(text).search, names), None)
        except re.error as error:
            raise SchemaError(f"{place(at)}: {shown(text)} is not supported beside properties: {error}", at) from None
        if both is not None:
            raise SchemaError(
                f"{place(at)}: {shown(text)} also matches {shown(both)} of properties, which is not supported", at
            )


def escape(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def place(pointer: str) -> str:
    """How a message calls it."""
    return f"schema at {pointer or 'its root'}"
