"""A JSON schema, checked keyword by keyword, so that what cannot be enforced is an error and not a hope."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmagentos.errors import SchemaError, shown
from llmagentos.structured.consistency import check_together
from llmagentos.structured.keywords import SUBSCHEMAS, VALUES, is_annotation, unwritable
from llmagentos.structured.pointers import escape, place

MAX_DEPTH = 100  # of JSON inside JSON
MAX_SCHEMAS = 10_000
MAX_POINTER = 2_000  # characters of the names that lead to a schema


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
    check_together(dict(_walk(copy)))
    return copy


def _check_depth(schema: Any) -> None:
    """Everything in it, values of `const` and `enum` too: what compiles schemas reads no JSON that is deeper."""
    level = [schema]
    for _ in range(MAX_DEPTH):
        parts = (value for part in level for value in (part.values() if isinstance(part, dict) else part))
        level = [value for value in parts if isinstance(value, (dict, list))]
    if level:
        raise SchemaError(f"{place('')}: JSON is nested more than {MAX_DEPTH} deep in it")


def _walk(root: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema that is not just true or false, with its pointer; what is wrong with one is raised on the way."""
    pending: list[tuple[str, Any]] = [("", root)]
    for n_schemas in itertools.count(1):
        if not pending:
            return
        pointer, node = pending.pop()
        if len(pointer) > MAX_POINTER:
            start = pointer[:MAX_POINTER].rpartition("/")[0]
            raise SchemaError(f"{place(start)}: names of more than {MAX_POINTER} characters lead into it", start)
        if n_schemas > MAX_SCHEMAS:
            raise SchemaError(f"{place('')}: it has more than {MAX_SCHEMAS} schemas")
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
