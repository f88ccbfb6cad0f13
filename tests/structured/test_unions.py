"""Alternatives that a tag tells apart, and pydantic's unions of them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, RootModel

from llmagentos.errors import InvalidRequestError
from llmagentos.structured.response_format import ResponseFormat, response_format_of

from .acceptance_of_text import schema_grammar, takes, takes_value, tokenizer


class Kind(str, Enum):
    FISH = "fish"
    EEL = "eel"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    name: str
    kind: Literal["dog", "puppy"] = "dog"


class Fish(BaseModel):
    kind: Literal[Kind.FISH, Kind.EEL] = Kind.FISH


class Shout(BaseModel):
    loud: Literal[True] = True


class Mutter(BaseModel):
    loud: Literal[False] = False


Pet = Annotated[Cat | Dog | Fish, Field(discriminator="kind")]


class Home(BaseModel):
    pet: Pet
    others: list[Pet] = []


class Node(BaseModel):
    kind: Literal["node"] = "node"
    children: "list[Annotated[Node | Leaf, Field(discriminator='kind')]]" = []  # noqa: UP037


class Leaf(BaseModel):
    kind: Literal["leaf"] = "leaf"


class Tree(RootModel[Annotated[Node | Leaf, Field(discriminator="kind")]]):
    pass


def made(model: type[BaseModel]) -> ResponseFormat:
    response_format = response_format_of(model)
    assert response_format is not None
    return response_format


@pytest.mark.parametrize(
    ("text", "pet"),
    [
        ('{"kind": "cat"}', Cat()),
        ('{"kind": "cat", "lives": 3}', Cat(lives=3)),
        ('{"name": "Rex", "kind": "puppy"}', Dog(name="Rex", kind="puppy")),
        ('{"kind": "eel"}', Fish(kind=Kind.EEL)),
    ],
)
def test_a_tag_with_a_default_tells_models_apart(text: str, pet: BaseModel) -> None:
    home = made(Home)
    answer = f'{{"pet": {text}, "others": [{text}]}}'
    assert takes(home.grammar, answer)
    parsed = home.parse(answer)
    assert parsed == Home.model_construct(pet=pet, others=[pet])
    assert type(parsed.pet) is type(pet)


@pytest.mark.parametrize("text", ["{}", '{"lives": 3}', '{"name": "Rex"}', '{"kind": "dog"}', '{"kind": "cow"}'])
def test_without_its_tag_a_model_is_not_taken(text: str) -> None:
    assert not takes(made(Home).grammar, f'{{"pet": {text}}}')


def test_unions_may_hold_themselves() -> None:
    text = '{"kind": "node", "children": [{"kind": "leaf"}, {"kind": "node", "children": []}]}'
    tree = made(Tree)
    assert takes(tree.grammar, text)
    assert tree.parse(text) == Tree(Node(children=[Leaf(), Node()]))


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


A, B = _object(["k"], k={"const": "a"}), _object(["k"], k={"enum": ["b", "c"]})


@pytest.mark.parametrize(
    "alternatives",
    [
        [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
        [{"$ref": "#/$defs/a"}, {"oneOf": [{"$ref": "#/$defs/b"}, _object(["k"], k={"const": "d"})]}],
        [_object(["k"], k={"$ref": "#/$defs/text"}), {"$ref": "#/$defs/b"}],
    ],
)
def test_tags_are_seen_through_references(alternatives: list[Any]) -> None:
    schema = {"oneOf": alternatives, "$defs": {"a": A, "b": B, "text": {"const": "a"}}}
    assert takes_value(schema, {"k": "a"})
    assert takes_value(schema, {"k": "c"})
    assert not takes_value(schema, {"k": "x"})
    assert not takes_value(schema, {})


@pytest.mark.parametrize(
    "alternatives",
    [
        [A, _object(["k"], k={"enum": ["a", "b"]})],
        [_object([], k={"const": "a"}), B],
        [{**A, "type": ["object", "null"]}, {**B, "type": ["object", "null"]}],
        [_object(["k"], k={"const": 1}), _object(["k"], k={"const": 1.0})],
        [_object(["k"], k={"type": "string"}), B],
    ],
)
def test_alternatives_that_may_both_be_satisfied_are_refused(alternatives: list[Any]) -> None:
    """References keep llguidance from looking for a difference itself."""
    definitions = {str(index): one for index, one in enumerate(alternatives)}
    schema = {"oneOf": [{"$ref": f"#/$defs/{index}"} for index in definitions], "$defs": definitions}
    with pytest.raises(InvalidRequestError, match="oneOf"):
        tokenizer().constraint(schema_grammar(schema))


def test_references_into_alternatives_still_lead_there() -> None:
    schema = {**_object([], x={"$ref": "#/oneOf/0"}), "oneOf": [A, B]}
    assert takes_value(schema, {"x": {"k": "a"}, "k": "b"}) or takes_value(schema, {"k": "b", "x": {"k": "a"}})


def test_a_tag_may_be_true_or_false() -> None:
    class Talk(BaseModel):
        voice: Annotated[Shout | Mutter, Field(discriminator="loud")]

    assert takes(made(Talk).grammar, '{"voice": {"loud": false}}')
    assert made(Talk).parse('{"voice": {"loud": false}}') == Talk(voice=Mutter())
