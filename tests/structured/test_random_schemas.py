"""Whatever schema is accepted: what is drawn at random under its grammar parses and validates."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmagentos.errors import InvalidRequestError

from .acceptance_of_text import schema_grammar
from .random_walk import random_text

NAMES = ["a", "b", "x1", 'q"', "é"]
SMALL = st.integers(0, 3)
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -3, 1.5, 0.001, "", "a", "b", 'q"\\', "é😀"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)
ANY_TYPE = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def keywords(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


BOUND = st.one_of(st.integers(-12, 12), st.sampled_from([0.5, -0.5, 1.5, 0.1, -2.25, 9.99, 1e-5]))
NUMERIC = keywords(
    minimum=BOUND,
    maximum=BOUND,
    exclusiveMinimum=BOUND,
    exclusiveMaximum=BOUND,
    multipleOf=st.sampled_from([1, 2, 3, 0.5]),
)
TEXT = keywords(
    minLength=SMALL,
    maxLength=st.integers(0, 6),
    pattern=st.sampled_from(["^a", "b$", "^[a-c]{1,4}$", r"\d", "^(a|é)+$", "", "^.x?$"]),
    format=st.sampled_from(["date", "time", "ipv4", "ipv6", "uuid", "date-time"]),
)
LEAVES = st.one_of(
    st.booleans(),
    st.just({}),
    st.builds(lambda kind: {"type": kind}, ANY_TYPE | st.lists(ANY_TYPE, min_size=1, max_size=3)),
    st.builds(lambda value: {"const": value}, VALUES),
    st.builds(lambda values: {"enum": values}, st.lists(VALUES, min_size=1, max_size=3)),
    st.builds(lambda words: {"type": "number", **words}, NUMERIC),
    st.builds(lambda words: {"type": "integer", **words}, NUMERIC),
    st.builds(lambda words: {"type": "string", **words}, TEXT),
    st.just({"$ref": "#/$defs/shared"}),
    NUMERIC,
    TEXT,
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = keywords(items=inner, prefixItems=st.lists(inner, min_size=1, max_size=2), minItems=SMALL, maxItems=SMALL)
    objects = keywords(
        properties=st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        required=st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
        additionalProperties=inner,
        patternProperties=st.dictionaries(st.sampled_from(["^x", "[0-9]$"]), inner, max_size=2),
        minProperties=st.integers(0, 2),
        maxProperties=SMALL,
    )
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda words: {"type": "array", **words}, arrays),
        st.builds(lambda words: {"type": "object", **words}, objects),
        objects,
        st.builds(lambda part, words: {**words, "anyOf": part}, several, objects | NUMERIC),
        st.builds(lambda part, words: {**words, "allOf": part}, several, objects | TEXT),
        st.builds(lambda part: {"oneOf": part}, several),
    )


SCHEMAS = st.recursive(LEAVES, containers, max_leaves=6).filter(lambda schema: isinstance(schema, dict))


def invalid_texts(schema: dict[str, Any], seeds: range) -> list[str]:
    try:
        grammar = schema_grammar(schema)
        texts = {random_text(grammar, seed) for seed in seeds}
    except InvalidRequestError:  # it is not supported, or nothing satisfies it
        return []
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [text for text in texts if text is not None and not validator.is_valid(json.loads(text))]


@settings(max_examples=120, deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_what_is_drawn_is_valid(schema: dict[str, Any], shared: dict[str, Any]) -> None:
    assert invalid_texts({**schema, "$defs": {"shared": shared}}, range(4)) == []
