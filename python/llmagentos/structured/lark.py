"""Pieces of grammar text, in llguidance's dialect of Lark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from llmagentos.structured.enforced import enforced

# JSON as json.dumps writes it, or without its spaces, and nothing wider: a small model that may write white space goes
# on writing it. No \uXXXX: what can be escaped so can be written as it is, but for control characters and lone
# surrogates.
JSON_STYLE = {
    "item_separator": ", ?",
    "key_separator": ": ?",
    "whitespace_flexible": False,
    "json_allowed_escapes": 'nrbtf\\"',
}


def literal(text: str) -> str:
    """A terminal that matches this text. "" is the empty match."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def regex(pattern: str) -> str:
    """A terminal that matches this regular expression."""
    escaped = re.sub(r"\\.|/", lambda found: "\\/" if found[0] == "/" else found[0], pattern, flags=re.DOTALL)
    return f"/{escaped}/"


def one_of(texts: Iterable[str]) -> str:
    """A terminal that matches one of these texts."""
    return " | ".join(map(literal, texts))


def json_value(schema: Mapping[str, Any]) -> str:
    """A rule's body that matches the JSON values of this schema, which `json_schema.check_schema` has passed."""
    return f"%json {json.dumps({**enforced(schema), 'x-guidance': JSON_STYLE})}"
