"""Schemas that pydantic makes of models, narrowed to what a model's own answers should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from llmagentos.structured.numbers import is_step

# What pydantic makes of a text, which any text can be.
_FORMATS_OF_VALUES = ("binary", "directory-path", "file-path", "json-string", "password", "path")


def model_schema(made_by: Callable[..., Any]) -> Any:
    """The schema that pydantic makes of a type, as a model can be held to it.

    A decimal number is a number. Items of a set may be written twice: they are one then.

    Args:
        made_by: a model's `model_json_schema`, or a type adapter's `json_schema`.

    Raises:
        pydantic.errors.PydanticUserError: the type has none.
    """
    return closed_schema(made_by(schema_generator=_generator()))


@cache
def _generator() -> type[Any]:
    from pydantic.json_schema import GenerateJsonSchema

    class Written(GenerateJsonSchema):
        def decimal_schema(self, schema: Any) -> dict[str, Any]:
            made: dict[str, Any] = super().decimal_schema(schema)["anyOf"][0]  # the other is any text
            places = schema.get("decimal_places")
            if places is not None and is_step(10.0**-places):  # of finer ones pydantic tells when it reads the answer
                made.setdefault("multipleOf", 10.0**-places)
            return made

        def set_schema(self, schema: Any) -> dict[str, Any]:
            return {key: part for key, part in super().set_schema(schema).items() if key != "uniqueItems"}

        def frozenset_schema(self, schema: Any) -> dict[str, Any]:
            return {key: part for key, part in super().frozenset_schema(schema).items() if key != "uniqueItems"}

    return Written


def closed_schema(schema: Any) -> Any:
    """A pydantic schema whose objects have the model's fields only, unless the model says that it takes others.

    The fields are what the object is made of; a small model that may add others goes on adding them. The tags that tell
    the models of a union apart are required, also where they have a default: pydantic does not read the union without.
    """
    unions: list[dict[str, Any]] = []
    closed = _closed(schema, unions)
    for union in unions:
        name = union["discriminator"].get("propertyName")
        for model in _models_of(union, closed.get("$defs", {})):
            if name in model.get("properties", ()):
                model["required"] = list(dict.fromkeys([*model.get("required", ()), name]))
    return closed


def _closed(schema: Any, unions: list[dict[str, Any]]) -> Any:
    """A copy with closed objects; the unions that have a tag are added to the list."""
    if not isinstance(schema, Mapping):
        return schema
    closed: dict[str, Any] = {}
    for key, part in schema.items():
        if key in ("properties", "$defs") and isinstance(part, Mapping):
            closed[key] = {name: _closed(one, unions) for name, one in part.items()}
        elif key in ("anyOf", "oneOf", "prefixItems") and isinstance(part, list):
            closed[key] = [_closed(one, unions) for one in part]
        else:
            closed[key] = _closed(part, unions) if key in ("items", "additionalProperties") else part
    if closed.get("format") in _FORMATS_OF_VALUES:
        del closed["format"]
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    if "oneOf" in closed and isinstance(closed.get("discriminator"), Mapping):
        unions.append(closed)
    return closed


def _models_of(union: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of a union's models, also of those in unions that are part of it."""
    for part in union["oneOf"]:
        model = definitions.get(part.get("$ref", "").removeprefix("#/$defs/"), part)
        if "oneOf" in model:
            yield from _models_of(model, definitions)
        else:
            yield model
