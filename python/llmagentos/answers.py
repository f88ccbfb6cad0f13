"""What a call's answers must look like, and what their texts are read as: response formats and tool calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llmagentos.chat.tool_calls.formats import ToolFormat, format_of
from llmagentos.chat.tool_calls.grammar import tool_grammar
from llmagentos.chat.tool_calls.parser import Parsed, ToolCallParser
from llmagentos.chat.tool_calls.rendering import short_id
from llmagentos.chat.tool_calls.tools import ToolSet, tool_set_of
from llmagentos.completion import ToolCall
from llmagentos.engine.constraints import Constraint, ConstraintTokenizer
from llmagentos.engine.free_text import FreeText
from llmagentos.errors import InvalidRequestError
from llmagentos.structured.json_schema import fault_of
from llmagentos.structured.response_format import ResponseFormat, response_format_of

if TYPE_CHECKING:
    from llmagentos.engine.request import Request
    from llmagentos.formats.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How the answers of one call are constrained and read.

    Attributes:
        constraint: at its beginning, to be copied for each request; None where any text will do.
        response_format: what the whole text must be.
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
        """What a finished request's text stands for; None where it was cut, or does not stand for anything."""
        constraint, detokenizer = request.constraint, request.detokenizer
        stopped = detokenizer is not None and detokenizer.stopped
        if self.response_format is None or constraint is None or stopped or not constraint.can_end:
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


class AnswerForms:
    """Makes the form of each call to one model.

    Args:
        tokenizer: the model's.
        chat_template: source of its chat template, or None.
    """

    def __init__(self, tokenizer: Tokenizer, chat_template: str | None) -> None:
        self._constraints = ConstraintTokenizer(tokenizer)
        self._tool_format = format_of(chat_template)

    def form_of(self, options: Mapping[str, Any]) -> AnswerForm:
        """Check a call's response_format, tools, tool_choice and parallel_tool_calls.

        Raises:
            SchemaError: a schema that is not valid or cannot be enforced; points at the place.
            InvalidRequestError: anything else that is wrong; names it.
        """
        response_format = response_format_of(options.get("response_format"))
        tool_set = tool_set_of(
            options.get("tools"), options.get("tool_choice"), options.get("parallel_tool_calls", True)
        )
        if tool_set is None:
            return AnswerForm() if response_format is None else self._formatted(response_format)
        if response_format is not None:
            raise InvalidRequestError(
                "response_format and tools cannot be used together: leave one of them out, or pass tool_choice='none'"
            )
        return self._with_tools(tool_set)

    def _formatted(self, response_format: ResponseFormat) -> AnswerForm:
        try:
            constraint = self._constraints.constraint(response_format.grammar)
        except InvalidRequestError as error:
            raise response_format.compile_error(str(error), self._constraints.error_of) from None
        return AnswerForm(constraint, response_format)

    def _with_tools(self, tool_set: ToolSet) -> AnswerForm:
        tool_format, special_id = self._tool_format, self._constraints.special_id
        grammar = tool_grammar(tool_set, tool_format, special_id)
        beginning = "{" if tool_format.is_bare else ""
        free_text = None if tool_set.must_call else FreeText(tool_format.opening, beginning)
        try:
            constraint = self._constraints.constraint(grammar, free_text)
        except InvalidRequestError as error:
            raise self._fault_in(tool_set, str(error)) from None
        tags = [special_id(tag) for tag in (tool_format.opening, tool_format.closing) if tag]
        visible = frozenset(tag for tag in tags if tag is not None)
        return AnswerForm(constraint, None, tool_set, tool_format, visible)

    def _fault_in(self, tool_set: ToolSet, message: str) -> InvalidRequestError:
        """Which tool's parameters do not compile."""
        for tool in tool_set.callable_tools:
            error = fault_of(tool.parameters, self._constraints.error_of)
            if error is not None:
                error.args = (f"the tool {tool.name!r}: {error}",)
                return error
        return InvalidRequestError(f"the tools do not compile: {message}")


def _call_ids(request: Request) -> Callable[[int], str]:
    """Ids of a request's calls by their numbers: the same each time, and others in the next turn of a conversation."""
    prompt = np.array([*request.token_ids[: request.n_prompt], request.choice], np.int64).tobytes()
    return lambda index: short_id(prompt + index.to_bytes(8, "little"))
