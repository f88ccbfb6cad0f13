"""What a schema's parts say together: references, counts, and limits of what can be compiled and run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from llmagentos.errors import SchemaError, shown
from llmagentos.structured.breadth import check_breadth
from llmagentos.structured.finiteness import check_finite
from llmagentos.structured.keywords import is_intersection
from llmagentos.structured.numbers import have_common_multiple, inclusive_bounds
from llmagentos.structured.pointers import place
from llmagentos.structured.reference_depth import reference_depth

MAX_REFERENCE_DEPTH = 400  # of schemas inside schemas, with those that references lead to
MAX_PATTERNS = 100  # of one patternProperties: each is compared with each


def check_together(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Check schemas that are well-formed each.

    Args:
        schemas: every schema by its JSON pointer, "" the root.

    Raises:
        SchemaError: points at what is wrong.
    """
    _check_references(schemas)
    check_breadth(schemas)
    check_finite(schemas)
    _check_steps(schemas)
    for pointer, node in schemas.items():
        _check_counts(pointer, node)
        _check_patterns(pointer, node)


def _check_references(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Each must lead to a schema, following them must come to an end, and that must not be too deep."""
    ended = set[str]()
    for pointer, node in schemas.items():
        at, path, here = f"{pointer}/$ref", set[str](), pointer
        while "$ref" in schemas[here] and here not in ended:
            path.add(here)
            here = unquote(schemas[here]["$ref"][1:])
            if here not in schemas:
                raise SchemaError(f"{place(at)}: $ref={shown(node['$ref'])} leads to no schema in here", at)
            if here in path:
                raise SchemaError(f"{place(at)}: $ref={shown(node['$ref'])} leads back to itself", at)
        ended |= path
    depth = reference_depth(schemas)
    if depth > MAX_REFERENCE_DEPTH:
        raise SchemaError(
            f"{place('')}: its references nest schemas up to {depth} deep, which is more than {MAX_REFERENCE_DEPTH}"
        )


def _check_steps(schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Where schemas are intersected, their multipleOf become one."""
    steps = {node["multipleOf"] for node in schemas.values() if "multipleOf" in node}
    if not have_common_multiple(steps):
        for pointer, node in schemas.items():
            if is_intersection(node):
                raise SchemaError(
                    f"{place(pointer)}: schemas cannot be intersected here, since the numbers of multipleOf "
                    f"({', '.join(map(str, sorted(steps)))}) have no common multiple that is small enough",
                    pointer,
                )


def _check_counts(pointer: str, node: Mapping[str, Any]) -> None:
    """Bounds that contradict each other, and a count of properties that repeated names could feign."""
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")):
        if node.get(low, 0) > node.get(high, float("inf")):
            at = f"{pointer}/{high}"
            raise SchemaError(f"{place(at)}: {high}={node[high]} is below {low}={node[low]}", at)
    bounds = inclusive_bounds(node)
    if bounds.get("minimum", -math.inf) > bounds.get("maximum", math.inf):
        at = f"{pointer}/{'maximum' if 'maximum' in node else 'exclusiveMaximum'}"
        raise SchemaError(f"{place(at)}: no number that answers can hold is within the bounds", at)
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
    patterns = node.get("patternProperties", ())
    if len(patterns) > MAX_PATTERNS:
        at = f"{pointer}/patternProperties"
        raise SchemaError(f"{place(at)}: it has {len(patterns)} patterns, which is more than {MAX_PATTERNS}", at)
