"""What came back from a service, as completions and chunks: the part that all services share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmagentos.completion import Completion, FinishReason, ToolCall, ToolCallDelta, Usage
from llmagentos.errors import ProviderError, shown

if TYPE_CHECKING:
    from llmagentos.providers.remote_call import AskedFor

NO_USAGE = Usage(0, 0)  # of a service that does not count


def completion_of(
    text: str, calls: Sequence[ToolCall], reason: FinishReason, usage: Usage | None, asked: AskedFor, title: str
) -> Completion:
    """One answer.

    Raises:
        ProviderError: JSON was asked for, and the answer, which ended by itself, is none.
    """
    if reason == "stop" and calls:
        reason = "tool_calls"
    parsed = _parsed(text, asked, title) if reason == "stop" else None
    return Completion(text, [], None, reason, usage or NO_USAGE, parsed=parsed, tool_calls=list(calls))


def _parsed(text: str, asked: AskedFor, title: str) -> Any:
    wanted = asked.response_format
    if wanted is None:
        return None
    if wanted.schema is not None:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise ProviderError(f"{title} answered {shown(text)}, which is not the JSON that was asked for") from None
    try:
        return wanted.parse(text)
    except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
        return None


def tool_call(id: str, name: str, arguments: str, title: str) -> ToolCall:
    """One call; a service may write no arguments at all for a tool that takes none.

    Raises:
        ProviderError: the arguments are not an object in JSON.
    """
    arguments = arguments.strip() or "{}"
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ProviderError(f"{title} called the tool {name!r} with {shown(arguments)}, which is no JSON object")
    return ToolCall(id, name, arguments, parsed)


def whole_calls(calls: Sequence[tuple[str, str, str]], reason: FinishReason, title: str) -> list[ToolCall]:
    """The calls of (id, name, arguments), without the last one where the answer was cut in it."""
    whole = [tool_call(*call, title) for call in calls[:-1]]
    if calls:
        try:
            whole.append(tool_call(*calls[-1], title))
        except ProviderError:
            if reason not in ("length", "content_filter"):
                raise
    return whole


class StreamedCalls:
    """Puts together the tool calls of a stream, whose pieces name them by number."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._calls: dict[int, tuple[str, str, str]] = {}

    def push(self, index: int, id: str | None, name: str | None, arguments: str) -> ToolCallDelta:
        """One piece; only the first of a call says which it is.

        Raises:
            ProviderError: the first piece has no id or no name.
        """
        if (known := self._calls.get(index)) is not None:
            self._calls[index] = (*known[:2], known[2] + arguments)
            return ToolCallDelta(index, None, None, arguments)
        if not id or not name:
            raise ProviderError(f"{self._title} called a tool without an id or a name")
        self._calls[index] = (id, name, arguments)
        return ToolCallDelta(index, id, name, arguments)

    def finish(self, reason: FinishReason) -> tuple[ToolCallDelta, ...]:
        """What is missing of calls without arguments.

        Raises:
            ProviderError: a call's arguments are not an object in JSON, though the answer was not cut.
        """
        whole_calls(list(self._calls.values()), reason, self._title)
        is_cut = reason in ("length", "content_filter")
        empty = [index for index, (_, _, arguments) in self._calls.items() if not arguments.strip()]
        return () if is_cut else tuple(ToolCallDelta(index, None, None, "{}") for index in empty)

    @property
    def any(self) -> bool:
        return bool(self._calls)
