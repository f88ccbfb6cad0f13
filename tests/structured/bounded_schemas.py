"""Twenty schemas whose values all have an end, between them with every keyword that shapes a value."""

from __future__ import annotations

from typing import Any

_WORD = {"type": "string", "minLength": 1, "maxLength": 8}
_AGE = {"type": "integer", "minimum": 0, "maximum": 150}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SCHEMAS: list[dict[str, Any]] = [
    _object(["name", "age"], name=_WORD, age=_AGE),
    _object(["name"], name=_WORD, nickname=_WORD, active={"type": "boolean"}),
    {"type": "array", "items": _AGE, "minItems": 1, "maxItems": 5},
    {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}, "maxItems": 3},
    {"enum": ["red", "green", 3, None, {"rgb": [0, 128, 255]}]},
    {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$"},
    {"type": "string", "maxLength": 12},
    {"type": ["boolean", "null"]},
    _object(["when"], when={"type": "string", "format": "date"}, id={"type": "string", "format": "uuid"}),
    _object(["ip"], ip={"type": "string", "format": "ipv4"}, port={"type": "integer", "minimum": 1, "maximum": 65535}),
    {"type": "integer", "minimum": -1000, "maximum": 1000, "multipleOf": 7},
    {"anyOf": [_AGE, _WORD, {"type": "null"}]},
    {
        "oneOf": [
            _object(["kind", "lives"], kind={"const": "cat"}, lives={"type": "integer", "minimum": 1, "maximum": 9}),
            _object(["kind", "tricks"], kind={"const": "dog"}, tricks={"type": "array", "items": _WORD, "maxItems": 2}),
        ]
    },
    {"allOf": [_object([], a=_AGE, b=_WORD), {"required": ["b"]}]},
    {"type": "array", "prefixItems": [_WORD, _AGE, {"const": True}], "items": False, "minItems": 2},
    {
        "type": "object",
        "patternProperties": {"^n_[a-z]{1,3}$": _AGE},
        "additionalProperties": False,
        "maxProperties": 3,
    },
    {"type": "object", "additionalProperties": {"type": "boolean"}, "maxProperties": 0},
    {
        "$ref": "#/$defs/list",
        "$defs": {
            "list": {"type": "array", "items": {"$ref": "#/$defs/item"}, "maxItems": 3},
            "item": _object(["id"], id=_AGE, tag={"enum": ["x", "y"]}),
        },
    },
    _object(["unit"], unit={"type": "string", "enum": ["C", "F"]}, place=_object(["city"], city=_WORD, zip=_AGE)),
    {"type": "string", "minLength": 2, "maxLength": 6, "pattern": "^\\w+$"},
]

# Above the bytes, and so the tokens, of the longest value: five words of eight letters of four bytes, or escaped, and
# their keys.
MAX_TOKENS = 400
