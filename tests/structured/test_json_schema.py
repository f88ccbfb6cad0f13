"""What cannot be enforced is refused, with a pointer to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmagentos.errors import SchemaError
from llmagentos.structured.fault import fault_of
from llmagentos.structured.json_schema import MAX_DEPTH, check_schema

from .acceptance_of_text import tokenizer

UNSUPPORTED = [
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "contains", "minContains"),
    *("maxContains", "uniqueItems", "unevaluatedItems", "unevaluatedProperties", "propertyNames", "additionalItems"),
    *("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "nullable", "divisibleBy", "x-guidance", "a"),
]


@pytest.mark.parametrize("keyword", UNSUPPORTED)
def test_an_unsupported_keyword_is_refused_wherever_it_stands(keyword: str) -> None:
    bad = {keyword: {}}
    places: dict[str, Any] = {
        "": bad,
        "/properties/a~1b": {"properties": {"a/b": bad}},
        "/$defs/x~0y": {"$defs": {"x~y": bad}},
        "/items/anyOf/1": {"items": {"anyOf": [{}, bad]}},
        "/prefixItems/0/additionalProperties": {"prefixItems": [{"additionalProperties": bad}]},
        "/patternProperties/^p/oneOf/0/allOf/0": {"patternProperties": {"^p": {"oneOf": [{"allOf": [bad]}]}}},
        "/definitions/d": {"definitions": {"d": bad}},
    }
    for pointer, schema in places.items():
        with pytest.raises(SchemaError, match=f"keyword '{keyword.replace('$', '.')}' is not supported") as caught:
            check_schema(schema)
        assert caught.value.pointer == f"{pointer}/{keyword}"


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "strin"}, "/type"),
        ({"type": []}, "/type"),
        ({"type": ["integer", 3]}, "/type"),
        ({"enum": []}, "/enum"),
        ({"enum": "a"}, "/enum"),
        ({"required": "a"}, "/required"),
        ({"required": ["a", "a"]}, "/required"),
        ({"minLength": -1}, "/minLength"),
        ({"maxItems": True}, "/maxItems"),
        ({"maxItems": 1.5}, "/maxItems"),
        ({"minimum": "1"}, "/minimum"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"pattern": 1}, "/pattern"),
        ({"items": {"const": {"a": ["\x00"]}}}, "/items/const"),
        ({"enum": ["a", "\x7f"]}, "/enum"),
        ({"enum": [{"\ud800": 1}]}, "/enum"),
        ({"properties": {"\x1f": {}}}, "/properties"),
        ({"required": ["\x0b"]}, "/required"),
        ({"format": "binary"}, "/format"),
        ({"format": 1}, "/format"),
        ({"properties": []}, "/properties"),
        ({"properties": {"a": 1}}, "/properties/a"),
        ({"anyOf": []}, "/anyOf"),
        ({"anyOf": {}}, "/anyOf"),
        ({"items": [{}]}, "/items"),
        ({"$ref": "other.json"}, "/$ref"),
        ({"$ref": "#/$defs/a"}, "/$ref"),
        ({"$ref": "#anchor"}, "/$ref"),
        ({"$ref": "#"}, "/$ref"),
        ({"items": {"$ref": "#/default"}, "default": {}}, "/items/$ref"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "/$ref"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "/anyOf/1"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"oneOf": [{"$ref": "#/$defs/a"}]}]}}},
            "/$defs/a/allOf/0/oneOf/0",
        ),
        ({"exclusiveMinimum": 5, "maximum": 5}, "/maximum"),
        ({"items": {"exclusiveMinimum": 0, "maximum": 1e-30}}, "/items/maximum"),
        ({"minLength": 3, "maxLength": 2}, "/maxLength"),
        ({"properties": {"a": {"minItems": 3, "maxItems": 2}}}, "/properties/a/maxItems"),
        ({"minProperties": 2}, "/minProperties"),
        ({"minProperties": 3, "required": ["a"]}, "/minProperties"),
    ],
)
def test_an_invalid_or_unenforceable_value_is_pointed_at(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError, match="schema at") as caught:
        check_schema(schema)
    assert pointer.startswith(caught.value.pointer or "/")
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("schema", [True, None, "{}", [1], {"const": {1, 2}}, {"minimum": float("nan")}])
def test_what_is_no_json_object_is_no_schema(schema: Any) -> None:
    with pytest.raises(SchemaError, match="schema"):
        check_schema(schema)


def test_depth_is_bounded_however_deep_it_is() -> None:
    for depth in (MAX_DEPTH + 1, 100_000):
        schema: dict[str, Any] = {}
        for _ in range(depth):
            schema = {"items": schema}
        with pytest.raises(SchemaError, match=r"deep|recursion"):
            check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": {"a": {"oneOf": [{"type": "integer"}, {"minimum": 2}]}}}, "/properties/a"),
        ({"items": {"allOf": [{"type": "string"}, {"type": "integer"}]}, "minItems": 1, "type": "array"}, "/items"),
        ({"properties": {"a": {"pattern": "(?=x)y"}}}, "/properties/a"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a"),
        ({"patternProperties": {"(": {}}}, ""),
        ({"properties": {"a": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"pattern": "(?!x)y"}}}, "/$defs/d"),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "maxProperties": 1}, ""),
    ],
)
def test_what_does_not_compile_is_found_again_in_the_schema(schema: dict[str, Any], pointer: str) -> None:
    fault = fault_of(check_schema(schema), tokenizer().error_of)
    assert fault is not None
    assert fault.pointer == pointer


_LIST_OF_ITSELF = {"type": "array", "minItems": 1}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, ""),
        ({**_LIST_OF_ITSELF, "items": {"$ref": "#"}}, ""),
        ({**_LIST_OF_ITSELF, "prefixItems": [{"$ref": "#"}, {}]}, ""),
        (
            {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {**_LIST_OF_ITSELF, "items": {"$ref": "#/$defs/a"}}}},
            "/$defs/a",
        ),
        (
            {
                "type": ["array", "object"],
                "minItems": 1,
                "items": {"$ref": "#"},
                "required": ["a"],
                "properties": {"a": {"anyOf": [{"$ref": "#"}, {"allOf": [{}, {"$ref": "#"}]}]}},
            },
            "",
        ),
    ],
)
def test_values_without_end_are_refused(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError, match="without end") as caught:
        check_schema(schema)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["a"]},
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "array", "prefixItems": [{}, {"$ref": "#"}], "minItems": 1},
        {"type": ["array", "null"], "minItems": 1, "items": {"$ref": "#"}},
        {"required": ["a"], "properties": {"a": {"$ref": "#"}}},
    ],
)
def test_values_that_can_end_may_hold_others_of_their_kind(schema: dict[str, Any]) -> None:
    assert check_schema(schema) == schema


def test_what_compiles_has_no_fault_and_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"b": {"type": "integer"}, "a": {"$ref": "#/$defs/x"}},
        "$defs": {"x": {}},
    }
    checked = check_schema(schema)
    assert json.dumps(checked) == json.dumps(schema)
    assert fault_of(checked, tokenizer().error_of) is None
