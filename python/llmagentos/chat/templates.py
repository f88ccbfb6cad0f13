"""A model file's chat template, run as transformers runs it, in jinja2's immutable sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from llmagentos.chat.sandbox import MAX_TEXT, BudgetError, TemplateEnvironment, bounded, start_budget
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, UnsupportedModelError


class ChatTemplate:
    """Renders conversations to the text that the model was trained on.

    The environment is the one of transformers' `apply_chat_template`: trim_blocks, lstrip_blocks, loop controls,
    `raise_exception`, `strftime_now`, and a `tojson` that neither escapes HTML nor sorts keys.

    Args:
        source: the template.
        bos_token, eos_token: their text, which many templates write out; "" where the model has none.

    Raises:
        UnsupportedModelError: the template does not compile.
    """

    def __init__(self, source: str, bos_token: str, eos_token: str) -> None:
        environment = TemplateEnvironment()
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(source)
        except Exception as error:  # besides jinja2's own: Python's compiler, on what is nested too deeply
            raise UnsupportedModelError(f"the model's chat template does not compile: {error}") from error
        self._variables = {"bos_token": bos_token, "eos_token": eos_token, "documents": None}

    def render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None) -> str:
        """The conversation as text, up to where the assistant's answer begins.

        Args:
            tools: their definitions in OpenAI's shape, for templates that know of tools.

        Raises:
            InvalidRequestError: the template refuses the conversation, such as for roles that do not alternate.
            UnsupportedModelError: the template itself fails, or runs or grows beyond its budget.
        """
        try:
            return self._render(list(messages), None if tools is None else list(tools))
        except _RefusedError as error:
            raise InvalidRequestError(f"the model's chat template refuses these messages: {error}") from error
        except (OSError, LLMAgentOSError):
            raise  # not the template's: such as a caller's own TimeoutError from a signal handler
        except Exception as error:  # a template is a program of the file's: it can raise anything
            raise UnsupportedModelError(
                f"the model's chat template failed ({type(error).__name__}: {error}); generate() takes text as it is"
            ) from error

    def takes_system_message(self) -> bool:
        """Whether a conversation may begin with a system message."""
        try:
            self.render([{"role": "system", "content": "system"}, {"role": "user", "content": "user"}])
        except InvalidRequestError:
            return False
        return True

    def _render(self, messages: list[Mapping[str, Any]], tools: list[Mapping[str, Any]] | None) -> str:
        start_budget()
        pieces: list[str] = []
        size = 0
        variables = {"messages": messages, "tools": tools, "add_generation_prompt": True, **self._variables}
        for piece in self._template.generate(**variables):
            pieces.append(bounded(piece))
            size += len(piece)
            if size > MAX_TEXT:
                raise BudgetError(f"it makes a text of more than {MAX_TEXT} characters")
        return "".join(pieces)


class _RefusedError(Exception):
    """Raised by a template through `raise_exception`."""


def _raise_exception(message: object) -> NoReturn:
    raise _RefusedError(str(message))


def _strftime_now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    if indent is not None and not 0 <= indent <= 32:
        raise BudgetError("it indents JSON by more than 32 characters")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
