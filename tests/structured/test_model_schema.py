"""Schemas of pydantic's types: what a model can be held to, where pydantic itself takes more."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from llmagentos.structured.model_schema import model_schema
from llmagentos.structured.response_format import response_format_of


class Order(BaseModel):
    price: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    share: Decimal | None
    tags: Annotated[set[str], Field(max_length=3)]
    sizes: frozenset[int]
    image: bytes
    path: Path


def test_decimals_are_numbers_and_sets_are_lists() -> None:
    made = model_schema(Order.model_json_schema)
    parts = {name: {key: part[key] for key in part if key != "title"} for name, part in made["properties"].items()}
    assert parts == {
        "price": {"type": "number", "minimum": 0.0, "multipleOf": 0.01},
        "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "image": {"type": "string"},
        "path": {"type": "string"},
    }


def test_such_a_model_is_a_response_format() -> None:
    form = response_format_of(Order)
    assert form is not None
    text = '{"price": 1.25, "share": null, "tags": ["a", "a"], "sizes": [1, 1], "image": "x", "path": "a/b"}'
    parsed = form.parse(text)
    assert parsed == Order(
        price=Decimal("1.25"), share=None, tags={"a"}, sizes=frozenset({1}), image=b"x", path=Path("a/b")
    )
    with pytest.raises(ValueError, match="decimal places"):
        form.parse(text.replace("1.25", "1.255"))


def test_decimals_too_fine_for_a_step_have_none() -> None:
    adapter = TypeAdapter(Annotated[Decimal, Field(decimal_places=12)])
    assert "multipleOf" not in model_schema(adapter.json_schema)
