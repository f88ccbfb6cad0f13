"""Numbers that a grammar takes are valid, also right beside a bound; what cannot be kept exactly is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmagentos.errors import InvalidRequestError, SchemaError
from llmagentos.structured.json_schema import check_schema
from llmagentos.structured.numbers import inclusive_bounds

from .acceptance_of_text import schema_grammar, takes, takes_value

NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.integers(-(2**53), 2**53),
    st.floats(-2, 2),
    st.floats(-(2.0**53), 2.0**53),
    st.sampled_from(
        [0.1, 0.5, -0.5, 1.5, 99.5, 1e-7, -1e-7, 1e-20, 1e-300, 5e-324, 0.1 + 0.2, 9.99, -0.0, 1e15, 2**53]
    ),
)
BOUNDS = st.dictionaries(
    st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), NUMBERS, min_size=1
)
KINDS = st.sampled_from(["number", "integer", ["number", "string"], ["integer", "null"]])


def texts_around(value: float) -> list[str]:
    """A number, and others that are very near, or the same but for how they are written."""
    exact = Decimal(repr(value))
    tiny = [Decimal(1).scaleb(exponent) for exponent in (-30, -20, -16, -5, 0)]
    near = [exact, *(exact + step for step in tiny), *(exact - step for step in tiny), exact * 2, -exact, exact / 3]
    near += [Decimal(int(exact)), Decimal(int(exact)) + 1, Decimal(int(exact)) - 1]
    texts = [format(one, "f") for one in near]
    return texts + [f"{text}0" if "." in text else f"{text}.0" for text in texts] + ["-0", "-0.0", "0.000000", "1e5"]


def wrongly_taken(schema: dict[str, Any]) -> list[str]:
    """Texts that the schema's grammar takes, and the schema does not allow."""
    try:
        grammar = schema_grammar(schema)
        taken = [text for bound in bounds_in(schema) for text in texts_around(bound) if takes(grammar, text)]
    except InvalidRequestError:  # not supported, or nothing satisfies it
        return []
    validator = Draft202012Validator(schema)
    return [text for text in taken if not validator.is_valid(json.loads(text))]


def bounds_in(schema: dict[str, Any]) -> list[float]:
    parts = [schema, *schema.get("allOf", ())]
    return [value for part in parts for key, value in part.items() if key not in ("type", "allOf", "multipleOf")]


@settings(max_examples=60, deadline=None)
@given(KINDS, BOUNDS)
def test_what_is_taken_is_within_the_bounds(kind: Any, bounds: dict[str, float]) -> None:
    assert wrongly_taken({"type": kind, **bounds}) == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["number", "integer"]), BOUNDS, BOUNDS)
def test_bounds_of_several_schemas_are_all_kept(kind: str, first: dict[str, float], second: dict[str, float]) -> None:
    assert wrongly_taken({"type": kind, "allOf": [first, second]}) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(-50, 50), st.integers(0, 40), st.integers(2, 9))
def test_multiples_within_bounds(low: int, width: int, step: int) -> None:
    schema = {"type": "integer", "minimum": low, "maximum": low + width, "multipleOf": step}
    assert wrongly_taken(schema) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"exclusiveMinimum": 0, "maximum": 0.5},
        {"exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
        {"exclusiveMinimum": 1, "exclusiveMaximum": 1.5},
        {"minimum": -0.5, "exclusiveMaximum": 0},
        {"exclusiveMinimum": -2.5, "maximum": -2},
        {"exclusiveMaximum": 0},
        {"exclusiveMinimum": 99.5, "exclusiveMaximum": 100},
    ],
)
def test_bounds_less_than_one_apart_exclude_what_they_say(schema: dict[str, float]) -> None:
    assert wrongly_taken({"type": "number", **schema}) == []
    middle = sum(schema.values()) / 2 if len(schema) > 1 else -1
    assert takes_value({"type": "number", **schema}, middle)


def test_inclusive_bounds_themselves_are_taken() -> None:
    for bound in (0, 1, -1, 0.5, -0.25, 1e-7, 123456.789, 2**53, -(2**53), 10**15 + 1):
        for name in ("minimum", "maximum"):
            assert takes(schema_grammar({"type": "number", name: bound}), format(Decimal(repr(bound)), "f"))
    for bound in (2**53, -(2**53), 2**53 - 1):
        assert takes_value({"type": "integer", "minimum": bound, "maximum": bound}, bound)
        assert not takes_value({"type": "integer", "minimum": bound, "maximum": bound}, bound - 1)


def test_bounds_off_the_grid_move_inwards() -> None:
    assert inclusive_bounds({"exclusiveMinimum": 0, "exclusiveMaximum": 1}) == {
        "minimum": 1e-20,
        "maximum": 0.99999999999999,
    }
    assert inclusive_bounds({"minimum": 0.1 + 0.2, "exclusiveMinimum": 0}) == {"minimum": 0.300000000000001}
    assert inclusive_bounds({"minimum": 5, "maximum": 5}) == {"minimum": 5, "maximum": 5}
    assert inclusive_bounds({"type": "integer", "minimum": -0.5, "maximum": 7.9}) == {"minimum": 0, "maximum": 7}
    assert inclusive_bounds({"exclusiveMinimum": 2**53 - 1}) == {"minimum": 2**53}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "integer", "minimum": -(2**63)}, "/minimum"),
        ({"maximum": 2**53 + 1}, "/maximum"),
        ({"exclusiveMinimum": 2**53}, "/exclusiveMinimum"),
        ({"type": "integer", "exclusiveMaximum": 1e300}, "/exclusiveMaximum"),
        ({"const": 2**53 + 1}, "/const"),
        ({"const": -(10**30)}, "/const"),
        ({"items": {"enum": [1, {"a": [9007199254740993]}]}}, "/items/enum"),
        ({"const": 0.1 + 0.2}, "/const"),
        ({"const": 1e100}, "/const"),
        ({"multipleOf": 1e-300}, "/multipleOf"),
        ({"multipleOf": 0.3333333333333333}, "/multipleOf"),
        ({"multipleOf": 2**16}, "/multipleOf"),
    ],
)
def test_numbers_that_would_be_changed_are_refused(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError, match="is not supported: it must be") as caught:
        check_schema(schema)
    assert caught.value.pointer == pointer


def test_multiples_of_several_schemas_meet_in_their_common_multiple() -> None:
    schema = {"type": "integer", "allOf": [{"multipleOf": 4}, {"multipleOf": 6}]}
    assert [value for value in range(30) if takes_value(schema, value)] == [0, 12, 24]
    with pytest.raises(SchemaError, match=r"multipleOf \(65521, 65535\) have no common multiple"):
        check_schema({"type": "integer", "multipleOf": 65521, "allOf": [{"multipleOf": 65535}]})
    apart = {"properties": {"a": {"multipleOf": 65521}, "b": {"multipleOf": 65535}}}
    assert check_schema(apart) == apart


@pytest.mark.parametrize("value", [2**53, -(2**53), 0.1, 1e-7, 1.5, 100.0, -2.75, 123456789.123456])
def test_constants_are_exact(value: float) -> None:
    written = format(Decimal(repr(value)), "f")
    grammar = schema_grammar({"const": value})
    assert takes(grammar, written) or takes(grammar, written.removesuffix(".0"))
    assert not takes(grammar, str(int(value) + 1))
