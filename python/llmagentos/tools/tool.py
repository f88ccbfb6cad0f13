"""What a tool is: a typed function that a model may call, with a JSON schema of its arguments."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, overload

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools.arguments import IDEMPOTENCY_KEY, Arguments, HintedArguments, SchemaArguments
from llmagentos.tools.threads import holdable, in_thread

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Tool:
    """A function that a model may call. Calling the tool calls the function.

    Args:
        function: plain or `async`, with type hints, and a docstring that says what it does and describes its arguments
            (Google's, NumPy's or Sphinx's style). An argument `idempotency_key` is filled by whoever runs the tool, the
            same for each repetition of one call, and models do not see it.
        name: what models call it; None takes the function's name.
        description: what it does; None takes the docstring without its sections.
        parameters: JSON schema of the arguments, an object; None takes the hints.
        timeout: seconds a call may take; None sets no limit. A plain function runs on in its thread after that, and its
            result is dropped.
        retries: how often a call that fails is tried again. One that timed out is only where that does no harm.
        requires_approval: whether a person must allow each call.
        idempotent: whether calling it again with the same arguments does no more than calling it once, so that a call
            whose outcome is not known may be repeated.

    Raises:
        InvalidRequestError: a name that models cannot write, no description, an argument without a type, an option
            outside its domain.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        retries: int = 0,
        requires_approval: bool = False,
        idempotent: bool = False,
    ) -> None:
        if not callable(function):
            raise InvalidRequestError(f"{shown(function)} cannot be a tool: it must be a function")
        if inspect.isasyncgenfunction(function):
            raise InvalidRequestError(f"{shown(function)} cannot be a tool: have it return a list in place of `yield`")
        self.function = function
        self.name = getattr(function, "__name__", "") if name is None else name
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InvalidRequestError(
                f"{shown(self.name)} cannot be a tool's name: it must be 1 to 64 letters, digits, '_' or '-'"
            )
        text, described = _documented(inspect.getdoc(function) or "")
        self.description = description or text
        if not self.description:
            raise InvalidRequestError(f"the tool {self.name!r} has no description: write a docstring")
        if timeout is not None and not _is_positive(timeout):
            raise InvalidRequestError(f"timeout={shown(timeout)} of the tool {self.name!r} must be above 0, or None")
        if type(retries) is not int or retries < 0:
            raise InvalidRequestError(
                f"retries={shown(retries)} of the tool {self.name!r} must be an integer, 0 or more"
            )
        self.timeout, self.retries = timeout, retries
        self.requires_approval, self.idempotent = requires_approval, idempotent
        self._arguments: Arguments = (
            HintedArguments(self.name, function, described)
            if parameters is None
            else SchemaArguments(self.name, parameters)
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON schema of the arguments, an object."""
        return self._arguments.schema

    @property
    def definition(self) -> dict[str, Any]:
        """The tool in OpenAI's shape, as `LLM.chat(tools=)` takes it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    @cached_property
    def takes_idempotency_key(self) -> bool:
        """Whether the function tells a repeated call from a new one by a key."""
        return IDEMPOTENCY_KEY in inspect.signature(self.function).parameters

    @property
    def is_repeatable(self) -> bool:
        """Whether a call whose outcome is not known may be made again."""
        return self.idempotent or self.takes_idempotency_key

    @cached_property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    def checked(self, arguments: Mapping[str, Any] | str) -> dict[str, Any]:
        """What the function is to be called with, for arguments from a model: an object, or its JSON text.

        Raises:
            ToolError: they are not what the schema says; the message says what is wrong with each.
        """
        try:
            given = json.loads(arguments) if isinstance(arguments, str) else arguments
        except (ValueError, RecursionError) as error:
            raise ToolError(f"the arguments of {self.name} are not JSON: {error}") from None
        if not isinstance(given, Mapping):
            raise ToolError(f"the arguments of {self.name} must be a JSON object, not {shown(given)}")
        return self._arguments.checked(given)

    def call(self, arguments: Mapping[str, Any] | str, *, idempotency_key: str | None = None) -> Any:
        """Calls the function with arguments from a model, once they are checked, and waits for its result.

        Limits of time and retries are for whoever runs tools for a model; here there is one try.

        Raises:
            ToolError: the arguments are not what the schema says.
            Exception: whatever the function raises.
        """
        value = self.function(**self._given(arguments, idempotency_key))
        return asyncio.run(value) if inspect.iscoroutine(value) else value

    async def acall(self, arguments: Mapping[str, Any] | str, *, idempotency_key: str | None = None) -> Any:
        """`call` for asyncio: a plain function runs in a thread. What tries to end the process is a ToolError."""
        given = self._given(arguments, idempotency_key)
        value = self.function(**given) if self._is_async else await in_thread(self.function, **given)
        if not inspect.iscoroutine(value):  # which a plain function may have made
            return value
        try:
            return await value
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):  # not the function's own doing
            raise
        except BaseException as error:
            raise holdable(error) from error

    def _given(self, arguments: Mapping[str, Any] | str, idempotency_key: str | None) -> dict[str, Any]:
        given = self.checked(arguments)
        if idempotency_key is not None and self.takes_idempotency_key:
            given[IDEMPOTENCY_KEY] = idempotency_key
        return given


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    retries: int = 0,
    requires_approval: bool = False,
    idempotent: bool = False,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a tool of a function: `@tool`, or with what `Tool` takes besides, as in `@tool(idempotent=True)`."""
    if function is not None:
        return Tool(function)
    return lambda decorated: Tool(decorated, **options)


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _documented(docstring: str) -> tuple[str, dict[str, str]]:
    """The text of a docstring before its sections, and what they say of each argument."""
    import docstring_parser

    parsed = docstring_parser.parse(docstring)
    text = " ".join(f"{parsed.short_description or ''}\n{parsed.long_description or ''}".split())
    return text, {entry.arg_name: " ".join((entry.description or "").split()) for entry in parsed.params}
