"""The form of each call's answers. Most calls ask for none: what compiles forms is imported when a call first does."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmagentos.calls.answers import AnswerForm

if TYPE_CHECKING:
    from llmagentos.calls.answer_compiler import AnswerCompiler
    from llmagentos.formats.tokenizer import Tokenizer

_ASKING = frozenset({"response_format", "tools", "tool_choice", "parallel_tool_calls"})


class AnswerForms:
    """Makes the form of each call to one model.

    Args:
        tokenizer: the model's.
        chat_template: source of its chat template, or None.
    """

    def __init__(self, tokenizer: Tokenizer, chat_template: str | None) -> None:
        self._tokenizer = tokenizer
        self._chat_template = chat_template
        self._compiler: AnswerCompiler | None = None
        self._lock = threading.Lock()

    def form_of(self, options: Mapping[str, Any]) -> AnswerForm:
        """Check a call's response_format, tools, tool_choice and parallel_tool_calls.

        Raises:
            SchemaError: a schema that is not valid or cannot be enforced; points at the place.
            InvalidRequestError: anything else that is wrong; names it.
        """
        if not asks_for_form(options):
            return AnswerForm()
        with self._lock:  # calls of asyncio come from several threads
            if self._compiler is None:
                from llmagentos.calls.answer_compiler import AnswerCompiler

                self._compiler = AnswerCompiler(self._tokenizer, self._chat_template)
        return self._compiler.form_of(options)


def asks_for_form(options: Mapping[str, Any]) -> bool:
    """Whether a call's options speak of its answers' form, which may take seconds to compile."""
    return not options.keys().isdisjoint(_ASKING)
