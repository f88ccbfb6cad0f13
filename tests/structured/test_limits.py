"""What would overflow a native stack, or fail in the middle of a request, is refused when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos.calls.answer_compiler import AnswerCompiler
from llmagentos.errors import InvalidRequestError, SchemaError
from llmagentos.structured.breadth import MAX_OPTIONAL
from llmagentos.structured.caller_grammar import MAX_RULES, checked_grammar
from llmagentos.structured.consistency import MAX_PATTERNS, MAX_REFERENCE_DEPTH
from llmagentos.structured.json_schema import check_schema
from llmagentos.structured.reference_depth import reference_depth
from llmagentos.structured.response_format import response_format_of
from tests.engine.fake_tokenizer import FakeTokenizer

from .acceptance_of_text import schema_grammar, takes, takes_value, tokenizer

ROOT = Path(__file__).parents[2]


def test_nothing_overflows_a_small_stack() -> None:
    """In a process of its own, which is lost where something does."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.structured.compile_hostile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = run.stdout.splitlines()
    assert run.returncode == 0, f"after {lines[-1:]}: {run.stderr}"
    assert lines[-1] == "all", run.stderr
    outcomes = dict(line.rsplit(": ", 1) for line in lines[:-1])
    assert {outcomes[name] for name in outcomes if "within the limit" in name} == {"compiled"}
    refused = ("1000 ", "5000 ", "20000 ", "100000 groups", "minimum", "maximum", "exclusive", "400 ")
    assert {outcomes[name] for name in outcomes if name.startswith(refused)} <= {"SchemaError", "InvalidRequestError"}


def definitions(**bodies: Any) -> dict[str, dict[str, Any]]:
    """The schemas of a root that leads to the first definition, by their pointers."""
    schemas: dict[str, dict[str, Any]] = {"": {"$ref": f"#/$defs/{next(iter(bodies))}"}}
    for name, targets in bodies.items():
        schemas[f"/$defs/{name}"] = {}
        for index, target in enumerate(targets):
            schemas[f"/$defs/{name}/anyOf/{index}"] = {"$ref": f"#/$defs/{target}"}
    return schemas


@pytest.mark.parametrize(
    ("bodies", "depth"),
    [
        ({"a": ""}, 2),
        ({"a": "b", "b": ""}, 4),
        ({"a": "bc", "b": "d", "c": "d", "d": ""}, 6),
        ({"a": "bcd", "b": "", "c": "", "d": ""}, 4),
        ({"a": "a"}, 3),
        ({"a": "b", "b": "ac", "c": ""}, 6),
        ({"a": "bc", "b": "a", "c": "de", "d": "c", "e": ""}, 10),
    ],
)
def test_references_are_followed_once_each(bodies: dict[str, str], depth: int) -> None:
    assert reference_depth(definitions(**bodies)) == depth


def test_many_definitions_are_not_deep() -> None:
    leaves = {f"d{index}": {"type": "object", "properties": {"x": {"type": "null"}}} for index in range(1000)}
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in leaves}
    schema = {"type": "object", "properties": properties, "required": list(leaves), "$defs": leaves}
    assert check_schema(schema) == schema


def test_a_long_chain_of_references_says_how_deep_it_is() -> None:
    chain = {f"d{index}": {"$ref": f"#/$defs/d{index + 1}"} for index in range(9_000)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d9000": {}}}
    with pytest.raises(SchemaError, match=f"9002 deep, which is more than {MAX_REFERENCE_DEPTH}"):
        check_schema(schema)


def with_properties(n: int, **keywords: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{index}": {"type": "integer"} for index in range(n)}, **keywords}


def test_the_most_optional_properties_run() -> None:
    grammar = schema_grammar(with_properties(MAX_OPTIONAL))
    assert takes(grammar, '{"p7": 1, "p449": 2, "x": 3}')
    required = with_properties(2000, required=[f"p{index}" for index in range(2000)])
    assert not takes_value(required, {})


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        (with_properties(700), ""),
        ({"items": with_properties(700, additionalProperties=False)}, "/items"),
        (
            {"items": {"anyOf": [with_properties(300), {"$ref": "#/$defs/d"}]}, "$defs": {"d": with_properties(301)}},
            "/items",
        ),
        ({"anyOf": [{"type": "array", "items": {"const": index}} for index in range(700)]}, ""),
        ({"enum": [[index] for index in range(700)]}, ""),
    ],
)
def test_more_than_can_be_followed_at_once_is_refused(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError, match="too much may come next") as caught:
        check_schema(schema)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ({"items": {"anyOf": [{}] * 9_999}}, "", "more than 10000 schemas"),
        (
            {"properties": {"a": {"properties": {"b" * 2000: {}}}}},
            "/properties/a/properties",
            "names of more than 2000",
        ),
        ({"properties": {"a" * 1990: {"items": {"not": 1}}}}, "/properties", "of more than 2000"),
    ],
)
def test_how_many_schemas_there_are_and_how_they_are_named_is_limited(
    schema: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        check_schema(schema)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"pattern": "a?" * 5001}, "/pattern"),
        ({"maxLength": 10**9 + 1}, "/maxLength"),
        ({"items": {"minItems": 2**64}}, "/items/minItems"),
    ],
)
def test_sizes_are_limited(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError, match=r"10000 characters|from 0 to 1000000000") as caught:
        check_schema(schema)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "regex", "regex": "a?" * 5001}, "a regex has 10002 characters, more than 10000"),
        ({"type": "grammar", "grammar": f"start: /{'a?' * 5001}/"}, "a regex has 10002 characters, more than 10000"),
        ({"type": "grammar", "grammar": "start: " + '"a" ' * 25_000}, "the grammar has 100007 characters, more than"),
    ],
)
def test_texts_are_limited(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        response_format_of(value)


def test_patterns_of_properties_are_limited() -> None:
    with pytest.raises(SchemaError, match=f"101 patterns, which is more than {MAX_PATTERNS}"):
        check_schema({"patternProperties": {f"^{index}_": {} for index in range(101)}})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "grammar", "grammar": "start: start"}, "the grammar does not compile: no text of the grammar"),
        ({"type": "grammar", "grammar": 'start: A & B\nA: "a"\nB: "b"'}, "the grammar does not compile"),
        ({"type": "regex", "regex": r"[^\x00-\x{10FFFF}]"}, "the regex does not compile: no text of the grammar"),
    ],
)
def test_what_no_text_satisfies_is_refused_when_it_is_asked_for(value: dict[str, Any], message: str) -> None:
    compiler = AnswerCompiler(FakeTokenizer(), None)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match=message):
        compiler.form_of({"response_format": value})


def test_a_grammars_rules_are_counted_but_not_what_its_texts_and_comments_hold() -> None:
    noise = r'start: "((([::" /[(:]+\/\((a)/ <|(|> r // (((' + "\n# ::::\n"
    assert checked_grammar(noise * (MAX_RULES // 2)) == noise * (MAX_RULES // 2)
    with pytest.raises(InvalidRequestError, match=f"{MAX_RULES + 1} rules, terminals and groups"):
        checked_grammar("".join(f'r{index}: "a"\n' for index in range(MAX_RULES + 1)))


def test_schemas_in_a_grammar_are_checked_and_kept_as_all_are() -> None:
    text = 'start: "n = " %json {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5} /[.]/'
    grammar = checked_grammar(text)
    assert takes(grammar, "n = 0.25.")
    assert not takes(grammar, "n = 0.")
    assert checked_grammar('start: "%json {" /%json/ // %json\n') == 'start: "%json {" /%json/ // %json\n'
    with pytest.raises(SchemaError, match="line 2: schema at /items/not") as caught:
        checked_grammar('start: x\nx: %json {"items": {"not": {}}}')
    assert caught.value.pointer == "/items/not"
    with pytest.raises(InvalidRequestError, match=r"line 1: .* is not JSON"):
        checked_grammar("start: %json {not json")


def test_other_json_in_a_grammar_stays() -> None:
    text = '%llguidance {"no_forcing": true}\nstart: %regex {"substring_words": "a (b) c"}'
    assert checked_grammar(text) == text
    assert takes(text, "(b) c")
    assert tokenizer().error_of(text) == ""
