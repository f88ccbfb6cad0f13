"""What callers pass as response_format, checked, and as the rule of a grammar."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.structured.caller_grammar import checked_grammar, checked_regex
from llmagentos.structured.fault import fault_of
from llmagentos.structured.json_schema import check_schema
from llmagentos.structured.lark import json_value, one_of, regex
from llmagentos.structured.model_schema import model_schema

ResponseFormatArgument: TypeAlias = "Mapping[str, Any] | type[Any] | None"

_DOMAIN = (
    "None, a pydantic model, or a dict of type 'text', 'json_object', 'json_schema' (with 'json_schema': {'schema': "
    "...}), 'regex' (with 'regex'), 'grammar' (with 'grammar') or 'choice' (with 'choices')"
)
_KEYS = {
    "text": (),
    "json_object": (),
    "json_schema": ("json_schema",),
    "regex": ("regex",),
    "grammar": ("grammar",),
    "choice": ("choices",),
}


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What answers must look like.

    Attributes:
        name: what messages call it.
        grammar: Lark text whose `start` matches whole answers.
        parse: from an answer's text to the object that it stands for.
        schema: the checked JSON schema, where it is one.
    """

    name: str
    grammar: str
    parse: Callable[[str], Any]
    schema: Mapping[str, Any] | None = None

    def compile_error(self, message: str, error_of: Callable[[str], str]) -> InvalidRequestError:
        """The error to raise where the grammar does not compile.

        Args:
            message: the compiler's.
            error_of: compiles a grammar and says what is wrong with it, "" where nothing is.
        """
        fault = None if self.schema is None else fault_of(self.schema, error_of)
        return fault or InvalidRequestError(f"response_format: the {self.name} does not compile: {message}")


def response_format_of(value: Any) -> ResponseFormat | None:
    """Check a response_format; None where any text will do.

    Raises:
        SchemaError: a schema that is not valid or says something unsupported; points at it.
        InvalidRequestError: anything else that is wrong; names it.
    """
    if value is None:
        return None
    if isinstance(value, type):
        return _of_model(value)
    if not isinstance(value, Mapping) or value.get("type") not in _KEYS:
        raise InvalidRequestError(f"response_format={shown(value)} is not valid: it must be {_DOMAIN}")
    kind = value["type"]
    for key in _KEYS[kind]:
        if key not in value:
            raise InvalidRequestError(f"response_format of type {kind!r} has no {key!r}")
    unknown = [key for key in value if key not in ("type", *_KEYS[kind])]
    if unknown:
        raise InvalidRequestError(f"response_format of type {kind!r} has {unknown[0]!r}, which is not supported")
    if kind == "text":
        return None
    if kind == "json_object":
        return _of_schema("JSON object", {"type": "object"}, _parse_json)
    if kind == "json_schema":
        return _of_schema("JSON schema", _schema_in(value["json_schema"]), _parse_json)
    return _of_text(kind, value[_KEYS[kind][0]])


def _of_model(model: type[Any]) -> ResponseFormat:
    """A pydantic model, known by its methods: the package itself does without pydantic."""
    if not hasattr(model, "model_json_schema") or not hasattr(model, "model_validate_json"):
        raise InvalidRequestError(f"response_format={shown(model)} is not valid: it must be {_DOMAIN}")

    def parse(text: str) -> Any:
        return model.model_validate_json(text)

    return _of_schema(f"schema of {model.__name__}", model_schema(model.model_json_schema), parse)


def _schema_in(wrapper: object) -> object:
    """The schema in OpenAI's wrapper: {"name", "schema", "strict", "description"}. All schemas are enforced, so strict
    makes no difference."""
    if not isinstance(wrapper, Mapping) or "schema" not in wrapper:
        raise InvalidRequestError("response_format.json_schema must be a dict with 'schema'")
    types: Mapping[str, Any] = {"name": str, "description": str, "strict": bool, "schema": object}
    for key, part in wrapper.items():
        if key not in types:
            raise InvalidRequestError(f"response_format.json_schema has {key!r}, which is not supported")
        if part is not None and not isinstance(part, types[key]):
            raise InvalidRequestError(
                f"response_format.json_schema.{key}={shown(part)} is not valid: it must be a {types[key].__name__}"
            )
    return wrapper["schema"]


def _of_schema(name: str, schema: object, parse: Callable[[str], Any]) -> ResponseFormat:
    checked = check_schema(schema)
    return ResponseFormat(name, f"start: {json_value(checked)}", parse, checked)


def _of_text(kind: str, value: Any) -> ResponseFormat:
    if kind == "choice":
        is_texts = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        if not is_texts or not value or not all(isinstance(text, str) and text for text in value):
            raise InvalidRequestError(
                f"response_format.choices={shown(value)} is not valid: it must be a list of non-empty strings"
            )
        return ResponseFormat("choices", f"start: CHOICE\nCHOICE: {one_of(value)}", str)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"response_format.{kind}={shown(value)} is not valid: it must be a non-empty string")
    if kind == "regex":
        return ResponseFormat("regex", f"start: TEXT\nTEXT: {regex(_unanchored(checked_regex(value)))}", str)
    return ResponseFormat("grammar", checked_grammar(value), str)


def _unanchored(pattern: str) -> str:
    """Without ^ and $ at its ends: the whole answer must match anyway."""
    body = pattern.removeprefix("^")
    n_backslashes = len(body[:-1]) - len(body[:-1].rstrip("\\"))
    return body[:-1] if body.endswith("$") and n_backslashes % 2 == 0 else body


def _parse_json(text: str) -> Any:
    return json.loads(text)
