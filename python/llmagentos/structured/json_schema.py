"""A JSON schema, checked keyword by keyword, so that what cannot be enforced is an error and not a hope."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from llmagentos.errors import SchemaError, shown
from llmagentos.structured.keywords import SUBSCHEMAS, VALUES, is_annotation, unwritable
from llmagentos.structured.lark import json_value

MAX_DEPTH = 64  # schemas inside schemas; what compiles them recurses


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
    copy.pop("$schema", None)
    walked = dict(_walk(copy))
    for pointer, node in walked.items():
        if "$ref" in node:
            _check_reference(pointer, node["$ref"], walked)
        _check_counts(pointer, node)
        _check_patterns(pointer, node)
    return copy


def fault_of(schema: Mapping[str, Any], error_of: Callable[[str], str]) -> SchemaError | None:
    """What is wrong with a checked schema that does not compile, and where; None where it does.

    Args:
        error_of: compiles a grammar and says what is wrong with it, "" where nothing is.
    """
    error = error_of(f"start: {json_value(schema)}")
    if not error:
        return None
    shared = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    for pointer, node in sorted(_walk(schema), key=lambda item: item[0].count("/"), reverse=True):
        # A reference to elsewhere than the definitions means something else in a part than in the whole.
        stands_alone = "#/" not in json.dumps(node).replace("#/$defs/", "").replace("#/definitions/", "")
        own_error = error_of(f"start: {json_value({**shared, **node})}") if stands_alone else ""
        if own_error:
            return SchemaError(f"{_at(pointer)}: it cannot be enforced: {own_error}", pointer)
    return SchemaError(f"{_at('')}: it cannot be enforced: {error}")


def _walk(root: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema that is not just true or false, with its pointer; what is wrong with one is raised on the way."""
    pending: list[tuple[str, Any, int]] = [("", root, 0)]
    while pending:
        pointer, node, depth = pending.pop()
        if isinstance(node, bool):
            continue
        if not isinstance(node, dict):
            raise SchemaError(f"{_at(pointer)}: {shown(node)} is not a schema: it must be a dict or a bool", pointer)
        if depth > MAX_DEPTH:
            raise SchemaError(f"{_at(pointer)}: schemas are nested more than {MAX_DEPTH} deep", pointer)
        yield pointer, node
        for keyword, value in node.items():
            at = f"{pointer}/{escape(keyword)}"
            if keyword in SUBSCHEMAS:
                pending += [(child, schema, depth + 1) for child, schema in _children(at, keyword, value)]
            else:
                _check_value(at, keyword, value)


def _children(at: str, keyword: str, value: Any) -> list[tuple[str, Any]]:
    kind = SUBSCHEMAS[keyword]
    if kind == "map":
        if isinstance(value, dict):
            _check_writable(at, list(value) if keyword == "properties" else [])
            return [(f"{at}/{escape(name)}", schema) for name, schema in value.items()]
        raise SchemaError(f"{_at(at)}: {keyword}={shown(value)} is not valid: it must be a dict of schemas", at)
    if kind == "list":
        if isinstance(value, list) and value:
            return [(f"{at}/{index}", schema) for index, schema in enumerate(value)]
        raise SchemaError(f"{_at(at)}: {keyword}={shown(value)} is not valid: it must be a list of schemas", at)
    if isinstance(value, list):
        raise SchemaError(f"{_at(at)}: a list of {keyword} is not supported: write prefixItems", at)
    return [(at, value)]


def _check_value(at: str, keyword: str, value: Any) -> None:
    if is_annotation(keyword):
        return
    if keyword not in VALUES:
        raise SchemaError(f"{_at(at)}: the keyword {shown(keyword)} is not supported", at)
    is_valid, domain = VALUES[keyword]
    if not is_valid(value):
        raise SchemaError(f"{_at(at)}: {keyword}={shown(value)} is not supported: it must be {domain}", at)
    if keyword in ("const", "enum", "required"):
        _check_writable(at, value)


def _check_writable(at: str, value: Any) -> None:
    text = unwritable(value)
    if text is not None:
        raise SchemaError(f"{_at(at)}: {shown(text)} has a character that answers cannot hold", at)


def _check_reference(pointer: str, reference: str, walked: Mapping[str, Any]) -> None:
    """The target must be a schema that was walked, and following references must come to an end."""
    at, seen = f"{pointer}/$ref", set[str]()
    while True:
        target = unquote(reference[1:])
        if target not in walked:
            raise SchemaError(f"{_at(at)}: $ref={shown(reference)} leads to no schema in here", at)
        if target in seen:
            raise SchemaError(f"{_at(at)}: $ref={shown(reference)} leads back to itself", at)
        seen.add(target)
        if "$ref" not in walked[target]:
            return
        reference = walked[target]["$ref"]


def _check_counts(pointer: str, node: Mapping[str, Any]) -> None:
    """Bounds that contradict each other, and a count of properties that repeated names could feign."""
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")):
        if node.get(low, 0) > node.get(high, float("inf")):
            at = f"{pointer}/{high}"
            raise SchemaError(f"{_at(at)}: {high}={node[high]} is below {low}={node[low]}", at)
    # Names that no `properties` list are not kept apart, so {"a": 1, "a": 2} would count as two.
    n_sure = len(node.get("required", ())) + 1
    if node.get("minProperties", 0) > n_sure:
        at = f"{pointer}/minProperties"
        raise SchemaError(
            f"{_at(at)}: minProperties={node['minProperties']} is not supported: of these properties no more than "
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
            raise SchemaError(f"{_at(at)}: {shown(text)} is not supported beside properties: {error}", at) from None
        if both is not None:
            raise SchemaError(
                f"{_at(at)}: {shown(text)} also matches {shown(both)} of properties, which is not supported", at
            )


def escape(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _at(pointer: str) -> str:
    return f"schema at {pointer or 'its root'}"
