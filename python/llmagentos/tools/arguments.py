"""What a tool may be called with: a JSON schema for models, and the check of what they give."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.structured.model_schema import model_schema
from llmagentos.tools.json_validation import validator_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# An argument of this name is not the model's: whoever runs the tool gives the same text each time a call is repeated.
IDEMPOTENCY_KEY = "idempotency_key"


class Arguments(Protocol):
    """The arguments of one tool."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, an object."""

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the function is to be called with.

        Raises:
            ToolError: what was given is not what the schema says; the message says what is wrong with each.
        """


class HintedArguments:
    """Arguments as the type hints of a function say, described by its docstring.

    Args:
        descriptions: of arguments, by name.

    Raises:
        InvalidRequestError: an argument without a type, or one that cannot be given by name.
    """

    def __init__(self, name: str, function: Callable[..., Any], descriptions: Mapping[str, str]) -> None:
        self._name = name
        self._function = function
        self._descriptions = descriptions
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError) as error:  # such as `int`
            raise InvalidRequestError(f"the tool {name!r} does not say what it takes: {error}") from None
        not_theirs = {IDEMPOTENCY_KEY, *_bound(function)}
        self._parameters = [parameter for parameter in parameters if parameter.name not in not_theirs]
        for parameter in self._parameters:
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise InvalidRequestError(f"the argument {parameter} of the tool {name!r} cannot be given by name")
            if parameter.annotation is parameter.empty:
                raise InvalidRequestError(f"the argument {parameter.name!r} of the tool {name!r} has no type")

    @cached_property
    def _made(self) -> tuple[TypeAdapter[Any], dict[str, Any]]:
        """What checks arguments, and its schema.

        Made when it is first needed, as hints may name types that are defined after the function.
        """
        from pydantic import ConfigDict, TypeAdapter, with_config
        from pydantic.errors import PydanticUserError
        from pydantic_core import SchemaError
        from typing_extensions import NotRequired, TypedDict

        try:
            hints = _hints(self._function)
            fields = {
                parameter.name: self._described(parameter, hints[parameter.name]) for parameter in self._parameters
            }
            is_needed = {parameter.name: parameter.default is parameter.empty for parameter in self._parameters}
            # A TypedDict, unlike a model, may have fields of any name; what is left out, the function's defaults fill.
            typed = {name: field if is_needed[name] else NotRequired[field] for name, field in fields.items()}
            closed = with_config(ConfigDict(extra="forbid"))(TypedDict(self._name, typed))  # type: ignore[operator]
            adapter: TypeAdapter[Any] = TypeAdapter(closed)
            schema: dict[str, Any] = _untitled(model_schema(adapter.json_schema))
        except (KeyError, NameError, TypeError, PydanticUserError, SchemaError, ImportError) as error:
            why = str(error).partition("\n\nFor further information")[0]  # pydantic's pages, which say nothing more
            raise InvalidRequestError(f"the arguments of the tool {self._name!r} have no JSON schema: {why}") from error
        schema.setdefault("properties", {})
        return adapter, schema

    def _described(self, parameter: inspect.Parameter, hint: Any) -> Any:
        from typing import Annotated

        from pydantic import Field
        from pydantic_core import PydanticSerializationError, to_jsonable_python

        extra: dict[str, Any] = {}
        if parameter.default is not parameter.empty:
            with suppress(PydanticSerializationError):  # a default that models could not write
                extra["default"] = to_jsonable_python(parameter.default)
        description = self._descriptions.get(parameter.name)
        field = (
            Field(json_schema_extra=extra)
            if description is None
            else Field(description=description, json_schema_extra=extra)
        )
        return Annotated[hint, field]

    @property
    def schema(self) -> dict[str, Any]:
        return self._made[1]

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        try:
            checked: dict[str, Any] = self._made[0].validate_python(dict(given))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}" for fault in error.errors()
            )
            raise ToolError(f"the arguments of {self._name} are not valid: {faults}") from None
        return checked


class SchemaArguments:
    """Arguments as a JSON schema says, for tools that are described elsewhere, such as those of an MCP server."""

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        self._name = name
        self.schema = dict(schema)
        self._faults = validator_of(f"the parameters of the tool {name!r}", self.schema)
        if self.schema.get("type", "object") != "object":
            raise InvalidRequestError(f"the parameters of the tool {name!r} must be of type 'object'")

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if faults := self._faults(dict(given)):
            raise ToolError(f"the arguments of {self._name} are not valid: {'; '.join(faults)}")
        return dict(given)


def _bound(function: Callable[..., Any]) -> set[str]:
    """Names of arguments that are given already, and so are not the model's to choose."""
    names = set[str]()
    while isinstance(function, partial):
        names |= function.keywords.keys()
        function = function.func
    return names


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's arguments; of a partial application those of its function, of an object of its call."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isclass(function):  # some, such as pydantic's models, take their fields
        fields = get_type_hints(function, include_extras=True)
        return fields | get_type_hints(function.__init__, include_extras=True)
    return get_type_hints(function if inspect.isroutine(function) else type(function).__call__, include_extras=True)


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles, which repeat the names and cost a model tokens."""

    def without(value: Any, is_map: bool = False) -> Any:
        if isinstance(value, list):
            return [without(item) for item in value]
        if not isinstance(value, dict):
            return value
        # The keys of `properties` and `$defs` are names, one of which may be "title".
        return {
            key: without(item, key in ("properties", "$defs") and not is_map)
            for key, item in value.items()
            if is_map or key != "title" or not isinstance(item, str)
        }

    result: dict[str, Any] = without(schema)
    return result
