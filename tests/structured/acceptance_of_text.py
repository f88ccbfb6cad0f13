"""Whether a grammar takes a text, fed byte by byte and mask by mask."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from llmagentos.engine.constraints import Constraint, ConstraintTokenizer
from llmagentos.structured.json_schema import check_schema
from llmagentos.structured.lark import json_value
from tests.engine.fake_tokenizer import FakeTokenizer

END_IDS = (257, 259)


@cache
def tokenizer() -> ConstraintTokenizer:
    return ConstraintTokenizer(FakeTokenizer())


def constraint_for(grammar: str) -> Constraint:
    return tokenizer().constraint(grammar).copy(END_IDS)


def schema_grammar(schema: Any) -> str:
    return f"start: {json_value(check_schema(schema))}"


def is_allowed(constraint: Constraint, token_id: int) -> bool:
    """By the mask that was computed last."""
    return bool(constraint.allowed[token_id // 32] >> token_id % 32 & 1)


def takes(grammar: str, text: str | bytes | list[int]) -> bool:
    """Whether each byte (or id) is allowed where it stands, and the end after them all."""
    constraint = constraint_for(grammar)
    for token_id in text.encode() if isinstance(text, str) else text:
        constraint.mask()
        if not is_allowed(constraint, token_id):
            return False
        assert constraint.accept(token_id)
    constraint.mask()
    ends = {is_allowed(constraint, end_id) for end_id in END_IDS}
    assert ends == {constraint.can_end}
    return constraint.can_end


def takes_value(schema: Any, value: Any) -> bool:
    """Whether the schema's grammar takes the value, with spaces after separators and without alike."""
    grammar = schema_grammar(schema)
    texts = {json.dumps(value, ensure_ascii=False), json.dumps(value, ensure_ascii=False, separators=(",", ":"))}
    answers = {takes(grammar, text) for text in texts}
    assert len(answers) == 1, f"the spaces decide whether {value!r} is taken"
    return answers.pop()
