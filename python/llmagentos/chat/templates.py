"""A model file's chat template, run as transformers runs it, in jinja2's immutable sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llmagentos.errors import InvalidRequestError, UnsupportedModelError


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
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise UnsupportedModelError(f"the model's chat template does not compile: {error}") from error
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The conversation as text, up to where the assistant's answer begins.

        Raises:
            InvalidRequestError: the template refuses the conversation, such as for roles that do not alternate.
            UnsupportedModelError: the template itself fails.
        """
        try:
            return self._template.render(messages=list(messages), add_generation_prompt=True, **self._tokens)
        except _RefusedError as error:
            raise InvalidRequestError(f"the model's chat template refuses these messages: {error}") from error
        except Exception as error:  # a template is a program of the file's: it can raise anything
            raise UnsupportedModelError(
                f"the model's chat template failed ({type(error).__name__}: {error}); generate() takes text as it is"
            ) from error


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
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
