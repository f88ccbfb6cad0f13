"""Compiles what could overflow a stack, in a thread with a small one. A program, since it may end with its process.

Prints a line for each: its name, and "compiled" or the error's type.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from llmagentos.errors import InvalidRequestError
from llmagentos.structured.caller_grammar import MAX_RULES
from llmagentos.structured.consistency import MAX_REFERENCE_DEPTH
from llmagentos.structured.json_schema import MAX_DEPTH
from llmagentos.structured.response_format import response_format_of
from tests.structured.acceptance_of_text import tokenizer

STACK_BYTES = 4 << 20  # half of what threads usually have
_CLOSED = {"additionalProperties": False}


def schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"schema": schema}}


def chained(n: int, link: Any) -> dict[str, Any]:
    """n definitions, each of which leads to the next."""
    links = {f"d{index}": link({"$ref": f"#/$defs/d{index + 1}"}) for index in range(n)}
    return schema({"$ref": "#/$defs/d0", "$defs": {**links, f"d{n}": {"type": "null"}}})


def object_with(part: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": part}, "required": ["x"], **_CLOSED}


def nested(n: int, wrap: Any) -> Any:
    part: Any = {"type": "null"}
    for _ in range(n):
        part = wrap(part)
    return part


def rules(n: int, body: str) -> dict[str, Any]:
    lines = [body.format(index, index + 1) for index in range(n)]
    name = body.format(n, n).partition(":")[0]
    return {
        "type": "grammar",
        "grammar": "\n".join(["start: " + body.format(0, 1).partition(":")[0], *lines, f'{name}: "b"']),
    }


LINKS = {
    "references": lambda part: part,
    "objects": object_with,
    "alternatives": lambda part: {"anyOf": [part, {"type": "null"}]},
    "deep": lambda part: object_with({"anyOf": [{"type": "array", "items": {"allOf": [part]}}, {"type": "null"}]}),
    "siblings": lambda part: object_with({**part, "type": ["object", "null"]}),
}
LEVELS = {"references": 1, "objects": 2, "alternatives": 2, "deep": 5, "siblings": 2}
BODIES = {
    "rules": 'r{0}: r{1} "a"',
    "rules with groups": 'r{0}: ((((r{1} "a") "b") "c") "d")',
    "terminals": 'R{0}: R{1} "a"',
    "terminals with groups": 'R{0}: (R{1} | "c"+) "a"',
}


def cases() -> Iterator[tuple[str, Any]]:
    for name, link in LINKS.items():
        yield f"{name} within the limit", chained(MAX_REFERENCE_DEPTH // LEVELS[name] - 2, link)
        for n in (1000, 5000):
            yield f"{n} {name}", chained(n, link)
    for name, body in BODIES.items():
        yield f"{name} within the limit", rules(MAX_RULES // (body.count("(") + 1) - 2, body)
        for n in (5000, 20000):
            yield f"{n} {name}", rules(n, body)
    yield "objects in objects within the limit", schema(nested(MAX_DEPTH // 2 - 1, object_with))
    for n in (MAX_DEPTH, 400):
        yield f"{n} objects in objects", schema(nested(n, object_with))
        yield f"{n} lists in a constant", schema({"const": nested(n, lambda part: [part])})
    for bound in (-(2**63), 2**63 - 1, -1e300):
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            yield f"{keyword} of {bound}", schema({"type": "integer", keyword: bound})
            yield f"{keyword} of {bound} apart", schema({"type": "integer", "allOf": [{keyword: bound}]})
            bad = f'{{"type": "integer", "{keyword}": {bound}}}'
            yield f"{keyword} of {bound} in a grammar", {"type": "grammar", "grammar": f"start: %json {bad}"}
    for n in (200, 2000, 100_000):
        yield f"{n} groups in a regex", {"type": "regex", "regex": "(" * n + "a" + ")" * n}
        yield f"{n} groups in a pattern", schema({"type": "string", "pattern": "(b" * n + "a" + ")?" * n})
        yield f"{n} repetitions", {"type": "regex", "regex": "a" + "*" * n}


def compile_all() -> None:
    for name, response_format in cases():
        try:
            made = response_format_of(response_format)
            assert made is not None
            tokenizer().constraint(made.grammar).copy(()).mask()
            outcome = "compiled"
        except InvalidRequestError as error:
            outcome = type(error).__name__
        print(f"{name}: {outcome}", flush=True)
    print("all", flush=True)


if __name__ == "__main__":
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=compile_all)
    thread.start()
    thread.join()
