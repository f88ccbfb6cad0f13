"""Schemas for every supported keyword, and values to try on all of them."""

from __future__ import annotations

from typing import Any

_CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "meow": {"type": "boolean"}}, "required": ["kind"]}
_DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "bark": {"type": "integer"}}, "required": ["kind"]}
_INTEGER, _STRING = {"type": "integer"}, {"type": "string"}
_TREE = {
    "type": "object",
    "properties": {"a": {"anyOf": [{"$ref": "#/$defs/t"}, _INTEGER]}},
    "additionalProperties": False,
}

SCHEMAS: dict[str, list[dict[str, Any]]] = {
    "annotations": [
        {},
        {"title": "t", "description": "d", "default": 1, "examples": [1], "$comment": "c", "deprecated": True},
        {"type": "integer", "readOnly": True, "writeOnly": False, "x-order": 3, "contentEncoding": "base64"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"},
    ],
    "type": [
        *({"type": name} for name in ("null", "boolean", "integer", "number", "string", "array", "object")),
        {"type": ["integer", "null"]},
        {"type": ["string", "array"]},
        {"type": ["number", "integer"]},
        {"type": "string", "properties": {"a": _INTEGER}},
        {"type": "integer", "minLength": 3},
    ],
    "const": [
        *({"const": value} for value in (1, 1.5, "a", None, True, 'q"uote\\', "line\nbreak", "aé😀", [1, 2], [], {})),
        {"const": {"a": 1, "b": 2}},
        {"type": "integer", "const": 1},
        {"const": "abc", "maxLength": 3},
    ],
    "enum": [
        {"enum": [1, "a", None, [1], {"a": 1}]},
        {"enum": [True]},
        {"enum": ["a", "ab", "abc"]},
        {"type": "string", "enum": ["a", 1]},
        {"enum": ["a"], "type": ["string", "null"]},
        {"enum": [1, 2], "minimum": 2},
        {"type": "number", "enum": [1, 2.5]},
        {"enum": [{"a": 1, "b": 2}, [1, 2]]},
    ],
    "minimum, maximum": [
        {"minimum": 2},
        {"type": "integer", "minimum": 2, "maximum": 7},
        {"type": "integer", "minimum": -1, "maximum": 100},
        {"type": "number", "minimum": -0.25, "maximum": 1.5},
        {"type": "number", "minimum": 2, "maximum": 2},
    ],
    "exclusiveMinimum, exclusiveMaximum": [
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 3},
        {"type": "integer", "minimum": 1, "exclusiveMinimum": 1},
        {"type": "integer", "exclusiveMaximum": 7, "maximum": 7},
    ],
    "multipleOf": [
        {"type": "integer", "multipleOf": 5},
        {"type": "number", "multipleOf": 0.5},
        {"type": "integer", "multipleOf": 2, "minimum": 1, "maximum": 12},
        {"multipleOf": 2.5},
    ],
    "minLength, maxLength": [
        {"minLength": 2},
        {"maxLength": 2},
        {"type": "string", "minLength": 1, "maxLength": 3},
        {"type": "string", "maxLength": 0},
    ],
    "pattern": [
        {"type": "string", "pattern": "^[a-b]+$"},
        {"type": "string", "pattern": "b"},
        {"pattern": "\\d"},
        {"type": "string", "pattern": "^a", "maxLength": 2},
        {"type": "string", "pattern": "^.{1,3}$"},
        {"type": "string", "pattern": "^(a|line\\nbreak)$"},
    ],
    "items, prefixItems": [
        {"items": _INTEGER},
        {"type": "array", "items": {"type": "array", "items": _INTEGER}},
        {"type": "array", "prefixItems": [_INTEGER, _STRING]},
        {"type": "array", "prefixItems": [_INTEGER, _STRING], "items": False},
        {"type": "array", "prefixItems": [_INTEGER], "items": _INTEGER, "maxItems": 2},
        {"type": "array", "items": False},
    ],
    "minItems, maxItems": [
        {"type": "array", "items": _INTEGER, "minItems": 1, "maxItems": 2},
        {"type": "array", "maxItems": 0},
        {"type": "array", "minItems": 2},
        {"type": "array", "prefixItems": [_INTEGER], "minItems": 2},
    ],
    "properties, required": [
        {"properties": {"a": _INTEGER}},
        {"type": "object", "properties": {"a": _INTEGER}, "required": ["a"]},
        {"type": "object", "required": ["a", "b"]},
        {"type": "object", "properties": {"a": {}}, "required": ["z"]},
        {"type": "object", "properties": {"a": False}},
        {"type": "object", "properties": {"a": True}, "required": ["a"], "additionalProperties": False},
    ],
    "additionalProperties": [
        {"type": "object", "properties": {"a": _INTEGER, "b": {}}, "additionalProperties": False},
        {"type": "object", "additionalProperties": _INTEGER},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": _STRING},
    ],
    "patternProperties": [
        {"type": "object", "patternProperties": {"^x": _INTEGER}, "additionalProperties": False},
        {"type": "object", "patternProperties": {"^x": _INTEGER}},
        {"type": "object", "patternProperties": {"[0-9]$": _INTEGER}, "properties": {"a": _INTEGER}},
        {"type": "object", "patternProperties": {"^[ab]$": _INTEGER}, "properties": {"a": {"minimum": 2}, "c": {}}},
    ],
    "minProperties, maxProperties": [
        {"minProperties": 1},
        {"maxProperties": 1},
        {"type": "object", "maxProperties": 0},
        {"type": "object", "required": ["a"], "minProperties": 2},
        {"type": "object", "properties": {"a": {}}, "required": ["a"], "maxProperties": 2},
        {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1, "additionalProperties": False},
    ],
    "anyOf": [
        {"anyOf": [_INTEGER, _STRING]},
        {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 0}]},
        {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"},
        {
            "type": "object",
            "properties": {"a": _INTEGER},
            "required": ["a"],
            "anyOf": [{"properties": {"b": _INTEGER}, "required": ["b"]}, {"properties": {"c": _INTEGER}}],
        },
    ],
    "oneOf": [
        {"oneOf": [_INTEGER, _STRING]},
        {"oneOf": [{"const": "a"}, {"const": "b"}]},
        {"oneOf": [_CAT, _DOG], "discriminator": {"propertyName": "kind"}},
    ],
    "allOf": [
        {"allOf": [_INTEGER, {"minimum": 2}]},
        {"allOf": [{"type": "object", "properties": {"a": _INTEGER}}, {"required": ["a"]}]},
        {"allOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "b$"}]},
        {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "ab"]}]},
        {"type": "integer", "allOf": [{"multipleOf": 2}, {"multipleOf": 3}]},
        {"allOf": [{"type": "array", "items": _INTEGER}, {"maxItems": 1}]},
        {
            "type": "object",
            "allOf": [{"properties": {"a": _INTEGER}, "additionalProperties": False}, {"properties": {"b": {}}}],
        },
        {"type": "object", "allOf": [{"patternProperties": {"^x": _INTEGER}}, {"properties": {"x1": _STRING}}]},
        {"type": "object", "allOf": [{"patternProperties": {"^x": _INTEGER}}, {"additionalProperties": _STRING}]},
    ],
    "$ref, $defs, definitions": [
        {"$ref": "#/$defs/n", "$defs": {"n": _INTEGER}},
        {"$ref": "#/$defs/n", "minimum": 3, "$defs": {"n": _INTEGER}},
        {"$ref": "#/$defs/t", "$defs": {"t": _TREE}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": _INTEGER, "b": {"$ref": "#/properties/a"}}},
        {
            "anyOf": [{"$ref": "#/definitions/a~1b"}, {"$ref": "#/definitions/c~0d"}],
            "definitions": {"a/b": _STRING, "c~d": _INTEGER},
        },
    ],
}

# No number with a fraction of zero: JSON Schema calls 1.0 an integer, but integers are always written without a point.
VALUES: list[Any] = [
    *(None, True, False),
    *(0, 1, -1, 2, 3, 5, 6, 7, 10, 12, 100, 0.5, 1.5, 2.5, -0.25),
    *("", "a", "b", "ab", "abc", "aé😀", "12", "x1", "line\nbreak", 'q"uote\\'),
    *([], [1], [1, 2], [1, 2, 3], ["a"], ["a", 1], [1, "a"], [1, "a", True], [[1], [2]], [None]),
    *({}, {"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": "s"}, {"a": None}),
    *({"x1": 1}, {"x1": "s"}, {"a": 1, "x1": 2}, {"a": {"a": 1}}, {"a": {"a": {"b": 1}}}, {"a": [1]}, {"z": 1, "y": 2}),
    *({"kind": "cat", "meow": True}, {"kind": "dog", "bark": 1}, {"kind": "dog", "bark": "loud"}, {"kind": "cow"}),
]

FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "date": (["2024-02-29", "1999-12-31"], ["2024-13-01", "2024-02-30", "24-01-01", ""]),
    "time": (["23:59:59Z", "08:30:00.5+02:00"], ["24:00:00Z", "08:30", "08:30:00"]),
    "date-time": (["2024-01-31T08:30:00Z", "2024-01-31T08:30:00.25-05:00"], ["2024-01-31", "2024-01-31 08:30:00Z"]),
    "duration": (["P3D", "PT5M", "P1Y2M3DT4H"], ["3D", "P", ""]),
    "email": (["a.b@example.com"], ["a.b", "@example.com", "a b@example.com"]),
    "hostname": (["example.com", "a-b.c"], ["-a.com", "a..b", ""]),
    "ipv4": (["127.0.0.1", "255.255.255.255"], ["256.0.0.1", "1.2.3"]),
    "ipv6": (["::1", "2001:db8::ff00:42:8329"], ["1::2::3", "12345::"]),
    "uri": (["https://example.com/a?b=c#d", "urn:isbn:0451450523"], ["//example.com", "no uri"]),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", ""]),
}
