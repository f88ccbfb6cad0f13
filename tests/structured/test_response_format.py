from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from llmagentos.errors import InvalidRequestError, SchemaError
from llmagentos.structured.response_format import ResponseFormat, response_format_of

from .acceptance_of_text import takes, tokenizer


class Pet(BaseModel):
    name: str
    legs: int = 4


def made(value: Any) -> ResponseFormat:
    response_format = response_format_of(value)
    assert response_format is not None
    return response_format


@pytest.mark.parametrize("value", [None, {"type": "text"}])
def test_any_text_needs_no_grammar(value: Any) -> None:
    assert response_format_of(value) is None


@pytest.mark.parametrize(
    ("value", "taken", "refused"),
    [
        ({"type": "json_object"}, ['{"a": [1, {}]}', "{}"], ["[]", "1"]),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}, ["12"], ['"12"']),
        (
            {"type": "json_schema", "json_schema": {"schema": {"const": 1}, "strict": None, "description": "d"}},
            ["1"],
            ["2"],
        ),
        (Pet, ['{"name": "Rex"}', '{"name": "Rex", "legs": 3}'], ['{"legs": 3}', '{"name": 1}']),
        ({"type": "regex", "regex": r"\d{2}/\d+"}, ["12/3"], ["12/", "1/2", "12/3 "]),
        ({"type": "regex", "regex": r"^a|b$"}, ["a", "b"], ["ab", "^a"]),
        ({"type": "regex", "regex": r"a\$"}, ["a$"], ["a"]),
        ({"type": "regex", "regex": r"a\\$"}, ["a\\"], ["a\\$"]),
        ({"type": "regex", "regex": r"[/\/]\/"}, ["//"], ["/"]),
        ({"type": "grammar", "grammar": 'start: "a" b+\nb: "b" | "c"'}, ["abcb"], ["a", "b"]),
        (
            {"type": "choice", "choices": ["yes", "yes, but", 'q"\n\\/é']},
            ["yes", "yes, but", 'q"\n\\/é'],
            ["ye", "no", ""],
        ),
    ],
)
def test_answers_of_the_form_are_taken(value: Any, taken: list[str], refused: list[str]) -> None:
    grammar = made(value).grammar
    assert [text for text in taken if not takes(grammar, text)] == []
    assert [text for text in refused if takes(grammar, text)] == []


def test_answers_are_parsed_to_what_they_stand_for() -> None:
    assert made({"type": "json_object"}).parse('{"a": [1, null]}') == {"a": [1, None]}
    assert made(Pet).parse('{"name": "Rex"}') == Pet(name="Rex", legs=4)
    assert made({"type": "choice", "choices": ["a"]}).parse("a") == "a"
    assert made({"type": "regex", "regex": "a+"}).parse("aa") == "aa"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("json", "response_format='json' is not valid"),
        (int, "response_format=<class 'int'> is not valid"),
        ({"type": "xml"}, "it must be None, a pydantic model"),
        ({}, "it must be None, a pydantic model"),
        ({"type": "json_schema"}, "has no 'json_schema'"),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "must be a dict with 'schema'"),
        ({"type": "json_schema", "json_schema": {"schema": {}, "strict": "yes"}}, "strict='yes' is not valid"),
        ({"type": "json_schema", "json_schema": {"schema": {}, "extra": 1}}, "has 'extra'"),
        ({"type": "json_object", "schema": {}}, "has 'schema'"),
        ({"type": "regex"}, "has no 'regex'"),
        ({"type": "regex", "regex": ""}, "regex='' is not valid"),
        ({"type": "grammar", "grammar": 3}, "grammar=3 is not valid"),
        ({"type": "choice", "choices": []}, "must be a list of non-empty strings"),
        ({"type": "choice", "choices": ["a", ""]}, "must be a list of non-empty strings"),
        ({"type": "choice", "choices": "ab"}, "must be a list of non-empty strings"),
    ],
)
def test_what_is_wrong_is_named(value: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        response_format_of(value)


def test_a_schemas_fault_is_pointed_at() -> None:
    schema = {"properties": {"a": {"uniqueItems": True}}}
    with pytest.raises(SchemaError) as caught:
        response_format_of({"type": "json_schema", "json_schema": {"schema": schema}})
    assert caught.value.pointer == "/properties/a/uniqueItems"


@pytest.mark.parametrize("value", [{"type": "regex", "regex": "("}, {"type": "grammar", "grammar": "start: nothing"}])
def test_what_does_not_compile_is_the_callers_error(value: Any) -> None:
    response_format = made(value)
    message = tokenizer().error_of(response_format.grammar)
    assert message
    error = response_format.compile_error(message, tokenizer().error_of)
    assert not isinstance(error, SchemaError)
    assert response_format.name in str(error)
    assert message in str(error)


def test_definitions_of_nested_models_are_found() -> None:
    class Owner(BaseModel):
        pets: list[Pet]
        best: Pet | None = None

    response_format = made(Owner)
    owner = Owner(pets=[Pet(name="Rex"), Pet(name="Tom", legs=3)])
    assert takes(response_format.grammar, json.dumps(owner.model_dump()))
    assert response_format.parse(owner.model_dump_json()) == owner


def test_a_models_objects_have_its_fields_only_unless_it_takes_others() -> None:
    class Box(BaseModel):
        properties: list[Pet]

    class Open(BaseModel, extra="allow"):
        name: str

    assert takes(made(Box).grammar, '{"properties": [{"name": "Rex"}]}')
    assert not takes(made(Box).grammar, '{"properties": [{"name": "Rex", "tail": 1}]}')
    assert not takes(made(Box).grammar, '{"properties": [], "more": 1}')
    assert takes(made(Open).grammar, '{"name": "Rex", "tail": 1}')
