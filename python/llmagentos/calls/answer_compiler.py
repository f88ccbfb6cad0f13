"""Response formats and tools as constraints on what a model may write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmagentos.calls.answers import AnswerForm
from llmagentos.chat.tool_calls.formats import format_of
from llmagentos.chat.tool_calls.grammar import tool_grammar
from llmagentos.chat.tool_calls.tools import ToolSet, tool_set_of
from llmagentos.engine.constraints import ConstraintTokenizer
from llmagentos.engine.free_text import FreeText
from llmagentos.errors import InvalidRequestError
from llmagentos.structured.fault import fault_of
from llmagentos.structured.response_format import ResponseFormat, response_format_of

if TYPE_CHECKING:
    from llmagentos.formats.tokenizer import Tokenizer


class AnswerCompiler:
    """Compiles the forms of calls that ask for one.

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
        return self._with_tools(tool_set, None if tool_set.must_call else response_format)

    def _formatted(self, response_format: ResponseFormat) -> AnswerForm:
        try:
            constraint = self._constraints.constraint(response_format.grammar)
        except InvalidRequestError as error:
            raise response_format.compile_error(str(error), self._constraints.error_of) from None
        return AnswerForm(constraint, response_format)

    def _with_tools(self, tool_set: ToolSet, response_format: ResponseFormat | None) -> AnswerForm:
        """Calls, or else what the response format says."""
        tool_format, special_id = self._tool_format, self._constraints.special_id
        if response_format is not None:
            if response_format.name == "grammar":
                raise InvalidRequestError(
                    "response_format of type 'grammar' and tools cannot be used together: leave one of them out, or "
                    "pass tool_choice='none'"
                )
            self._formatted(response_format)  # its own errors first
            tool_format = replace(tool_format, leads=True, is_bare=False)
        grammar = tool_grammar(tool_set, tool_format, special_id, response_format.grammar if response_format else "")
        beginning = "{" if tool_format.is_bare else ""
        is_free = not tool_set.must_call and response_format is None
        free_text = FreeText(tool_format.opening, beginning) if is_free else None
        try:
            constraint = self._constraints.constraint(grammar, free_text)
        except InvalidRequestError as error:
            raise self._fault_in(tool_set, str(error)) from None
        tags = [special_id(tag) for tag in (tool_format.opening, tool_format.closing) if tag]
        visible = frozenset(tag for tag in tags if tag is not None)
        return AnswerForm(constraint, response_format, tool_set, tool_format, visible)

    def _fault_in(self, tool_set: ToolSet, message: str) -> InvalidRequestError:
        """Which tool's parameters do not compile."""
        for tool in tool_set.callable_tools:
            error = fault_of(tool.parameters, self._constraints.error_of)
            if error is not None:
                error.args = (f"the tool {tool.name!r}: {error}",)
                return error
        return InvalidRequestError(f"the tools do not compile: {message}")
