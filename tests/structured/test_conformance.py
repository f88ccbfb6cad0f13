"""A schema's grammar takes exactly the values that the schema allows, their keys in the schema's order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from llmagentos.structured.keywords import FORMATS as SUPPORTED_FORMATS
from llmagentos.structured.keywords import SUBSCHEMAS, VALUES

from .acceptance_of_text import schema_grammar, takes, takes_value
from .conformance_cases import FORMATS, SCHEMAS
from .conformance_cases import VALUES as CANDIDATES

CASES = [pytest.param(schema, id=json.dumps(schema)) for schemas in SCHEMAS.values() for schema in schemas]


@pytest.mark.parametrize("schema", CASES)
def test_what_the_schema_allows_is_taken_and_nothing_else(schema: dict[str, Any]) -> None:
    validator = Draft202012Validator(schema)
    for value in CANDIDATES:
        assert takes_value(schema, value) == validator.is_valid(value), value


def test_every_supported_keyword_has_a_case() -> None:
    spelled = json.dumps(SCHEMAS)
    assert {keyword for keyword in [*VALUES, *SUBSCHEMAS] if f'"{keyword}":' not in spelled} == {"format"}
    assert set(FORMATS) == set(SUPPORTED_FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_enforced(name: str) -> None:
    valid, invalid = FORMATS[name]
    schema = {"type": "string", "format": name}
    assert [text for text in valid if not takes_value(schema, text)] == []
    assert [text for text in invalid if takes_value(schema, text)] == []


ORDERED = {
    "type": "object",
    "properties": {"b": {"type": "integer"}, "a": {"type": "integer"}},
    "required": ["z"],
    "additionalProperties": {"type": "integer"},
}


@pytest.mark.parametrize(
    ("keys", "is_taken"), [("baz", True), ("z", True), ("bzc", True), ("bazcd", True), ("abz", False), ("zb", False)]
)
def test_keys_come_as_listed_then_the_required_ones_then_others(keys: str, is_taken: bool) -> None:
    assert takes_value(ORDERED, dict.fromkeys(keys, 1)) == is_taken


def test_a_listed_key_comes_once() -> None:
    assert not takes(schema_grammar(ORDERED), '{"b": 1, "b": "x", "z": 1}')
    assert not takes(schema_grammar({"properties": {"a": {"type": "integer"}}}), '{"a": 1, "a": "x"}')


@pytest.mark.parametrize(
    "text",
    ['{ "a": 1}', '{"a":  1}', '{"a" :1}', '{"a": 1 }', ' {"a": 1}', '{"a": 1}\n', '{\n"a": 1}', '{"a": "\\u0061"}'],
)
def test_white_space_and_escapes_are_bounded(text: str) -> None:
    assert not takes(schema_grammar({"type": "object"}), text)


def test_integers_are_written_without_a_point() -> None:
    assert not takes(schema_grammar({"type": "integer"}), "1.0")
    assert takes(schema_grammar({"type": "number"}), "1.0")
