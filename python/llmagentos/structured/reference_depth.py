"""How deep a compiler goes that follows each reference of a schema where it first meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_DEFINITIONS = ("/$defs", "/definitions")
_ROOT = ""  # no reference is spelled so


def reference_depth(schemas: Mapping[str, Mapping[str, Any]]) -> int:
    """An upper bound on the schemas that are entered one inside the other, from the root on.

    A reference that is being followed, or was, is not followed again, so that references which lead in circles count
    once each. In which order they are met is left open: of such a circle all are counted.

    Args:
        schemas: every schema by its JSON pointer, "" the root; all references lead to one of them.
    """
    references = {_ROOT, *(node["$ref"] for node in schemas.values() if "$ref" in node)}
    spellings: dict[str, list[str]] = {}
    for reference in references:
        spellings.setdefault(unquote(reference[1:]), []).append(reference)
    depth = dict.fromkeys(references, 1)  # of what each leads to, without what is behind further references
    onward: dict[str, set[str]] = {reference: set() for reference in references}
    for pointer, node in schemas.items():
        n_levels = 1
        for ancestor in _self_and_ancestors(pointer):
            if ancestor.endswith(_DEFINITIONS) and ancestor not in schemas:
                break  # they are entered by reference only
            for reference in spellings.get(ancestor, ()):
                depth[reference] = max(depth[reference], n_levels)
                if "$ref" in node:
                    onward[reference].add(node["$ref"])
            n_levels += ancestor in schemas
    return _heaviest_path(depth, onward)


def _self_and_ancestors(pointer: str) -> Iterator[str]:
    yield pointer
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def _heaviest_path(weights: Mapping[str, int], edges: Mapping[str, set[str]]) -> int:
    """The weight of the heaviest path from the root, with all of a circle where the path touches it.

    Circles are found as Kosaraju's algorithm does: nodes in the order in which a search leaves them, backwards, and
    from each one what leads there.
    """
    order = list(_left(_ROOT, edges, set()))
    sources: dict[str, set[str]] = {node: set() for node in order}
    for node in order:
        for target in edges[node]:
            sources[target].add(node)
    heaviest: dict[str, int] = {}  # path to each node, its circle included
    seen: set[str] = set()
    for node in reversed(order):
        circle = set() if node in seen else set(_left(node, sources, seen))
        before = max((heaviest[source] for one in circle for source in sources[one] - circle), default=0)
        weight = before + sum(weights[one] for one in circle)
        heaviest.update(dict.fromkeys(circle, weight))
    return max(heaviest.values())


def _left(start: str, edges: Mapping[str, set[str]], seen: set[str]) -> Iterator[str]:
    """What can be reached past what was seen, in the order in which a depth-first search leaves it."""
    seen.add(start)
    path = [(start, iter(edges[start]))]
    while path:
        node, targets = path[-1]
        target = next((target for target in targets if target not in seen), None)
        if target is None:
            path.pop()
            yield node
        else:
            seen.add(target)
            path.append((target, iter(edges[target])))
