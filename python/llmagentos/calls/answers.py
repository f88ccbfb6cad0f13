"""What a call's answers must look like, and what their texts are read as: response formats and tool calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llmagentos.chat.tool_calls.parsed import Parsed
from llmagentos.completion import ToolCall

if TYPE_CHECKING:
    from llmagentos.chat.tool_calls.formats import ToolFormat
    from llmagentos.chat.tool_calls.parser import ToolCallParser
    from llmagentos.chat.tool_calls.tools import ToolSet
    from llmagentos.engine.constraints import Constraint
    from llmagentos.engine.request import Request
    from llmagentos.structured.response_format import ResponseFormat


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How the answers of one call are constrained and read.

    Attributes:
        constraint: at its beginning, to be copied for each request; None where any text will do.
        response_format: what the whole text must be, where nothing is called.
        tool_set: what it may call.
        tool_format: how calls are written.
        visible_ids: special tokens that are part of calls, so that their text is needed.
    """

    constraint: Constraint | None = None
    response_format: ResponseFormat | None = None
    tool_set: ToolSet | None = None
    tool_format: ToolFormat | None = None
    visible_ids: frozenset[int] = frozenset()

    def reader(self, request: Request) -> AnswerReader:
        """For one request's text."""
        return AnswerReader(self, request)

    def parsed(self, request: Request, text: str) -> Any:
        """What a finished request's text stands for; None where it was cut, even where it could have ended there, or
        does not stand for anything."""
        detokenizer = request.detokenizer
        is_cut = request.finish_reason != "stop" or (detokenizer is not None and detokenizer.stopped)
        if self.response_format is None or is_cut:
            return None
        try:
            return self.response_format.parse(text)
        except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
            return None


class AnswerReader:
    """Takes one request's text as it comes.

    Args:
        form: of the call.
        request: whose text it is; calls get their ids from its prompt and number.
    """

    def __init__(self, form: AnswerForm, request: Request) -> None:
        self._parser: ToolCallParser | None = None
        if form.tool_set is not None and form.tool_format is not None:
            from llmagentos.chat.tool_calls.parser import ToolCallParser

            self._parser = ToolCallParser(form.tool_format, _call_ids(request))

    @property
    def calls(self) -> list[ToolCall]:
        """Those that are complete."""
        return [] if self._parser is None else self._parser.calls

    def push(self, text: str) -> Parsed:
        """What of the text is content, and what is called."""
        return Parsed(text, ()) if self._parser is None else self._parser.push(text)

    def finish(self, is_cut: bool) -> Parsed:
        """What was held back, where no more text comes."""
        return Parsed("", ()) if self._parser is None else self._parser.finish(is_cut)


def _call_ids(request: Request) -> Callable[[int], str]:
    """Ids of a request's calls by their numbers: the same each time, and others in the next turn of a conversation."""
    from llmagentos.chat.tool_calls.rendering import short_id

    prompt = np.array([*request.token_ids[: request.n_prompt], request.choice], np.int64).tobytes()
    return lambda index: short_id(prompt + index.to_bytes(8, "little"))
