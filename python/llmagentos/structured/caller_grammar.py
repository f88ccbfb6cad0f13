"""Regular expressions and grammars (Lark text) that callers write, checked before they are compiled.

What compiles them recurses in native code, where a stack that overflows ends the process.
"""

from __future__ import annotations

import json
import re

from llmagentos.errors import InvalidRequestError, SchemaError, shown
from llmagentos.structured.json_schema import check_schema
from llmagentos.structured.keywords import MAX_REGEX
from llmagentos.structured.lark import json_value

MAX_GRAMMAR = 100_000  # characters
MAX_RULES = 500  # rules and terminals, with the groups in them

# As llguidance cuts Lark text, as far as needed to tell what stands in a string, an expression or a comment.
_PIECE = re.compile(
    r"""
      "(?:\\.|[^"\\\n])*"
    | (?:\#|//)[^\n]*
    | /(?P<regex>(?:\\.|[^/\\])+)/
    | <[^<>\s]+>
    | %(?P<directive>json|regex|llguidance)(?![a-z])
    | (?P<opening>[:(\[])
    """,
    re.VERBOSE,
)


def checked_regex(pattern: str) -> str:
    """A regular expression within the limit.

    Raises:
        InvalidRequestError: it is not.
    """
    if len(pattern) > MAX_REGEX:
        raise InvalidRequestError(f"response_format: a regex has {len(pattern)} characters, more than {MAX_REGEX}")
    return pattern


def checked_grammar(text: str) -> str:
    """Lark text within the limits. The schemas in it are checked, and written as all schemas are.

    Raises:
        SchemaError: a schema in it; points at the place in the schema.
        InvalidRequestError: it is too long, or has too many rules, or JSON that cannot be read.
    """
    if len(text) > MAX_GRAMMAR:
        raise InvalidRequestError(f"response_format: the grammar has {len(text)} characters, more than {MAX_GRAMMAR}")
    parts: list[str] = []
    n_rules, copied, at = 0, 0, 0
    while (piece := _PIECE.search(text, at)) is not None:
        at = piece.end()
        n_rules += piece["opening"] is not None
        checked_regex(piece["regex"] or "")
        if piece["directive"]:
            value, at = _json_at(text, at)
            if piece["directive"] == "json":
                parts += [text[copied : piece.start()], _schema(text, piece.start(), value)]
                copied = at
    if n_rules > MAX_RULES:
        raise InvalidRequestError(
            f"response_format.grammar has {n_rules} rules, terminals and groups, which is more than {MAX_RULES}"
        )
    return "".join([*parts, text[copied:]])


def _json_at(text: str, at: int) -> tuple[object, int]:
    """The JSON value that begins there, and where it ends."""
    while text[at : at + 1].isspace():
        at += 1
    try:
        return json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(
            f"response_format.grammar, line {_line(text, at)}: {shown(text[at : at + 100])} is not JSON: {error}"
        ) from None


def _schema(text: str, at: int, value: object) -> str:
    try:
        return json_value(check_schema(value))
    except SchemaError as error:
        raise SchemaError(f"response_format.grammar, line {_line(text, at)}: {error}", error.pointer) from None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
