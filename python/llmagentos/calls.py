"""From the arguments of a call to the requests it makes: what is checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from llmagentos.answer_forms import AnswerForms
from llmagentos.answers import AnswerForm
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError
from llmagentos.formats.ids_only import IdsOnly
from llmagentos.generation import (
    ChatOptions,
    RequestOptions,
    Work,
    check_options,
    check_vocabulary,
    new_requests,
    service_of,
)
from llmagentos.prompts import BINARY, PromptEncoder, is_messages, is_token_ids
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.formats.tokenizer import Tokenizer

_T = TypeVar("_T")
_R = TypeVar("_R")


class Calls:
    """Makes the requests of one model's calls.

    Args:
        default_params: for calls without params.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        prompts: PromptEncoder,
        answers: AnswerForms,
        default_params: SamplingParams,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._prompts = prompts
        self._answers = answers
        self._default_params = default_params

    def generate(self, prompts: Any, params: SamplingParams | None, options: RequestOptions) -> tuple[bool, Work]:
        """The requests of `generate`, and whether it was called with one prompt."""
        form = self._form(options, has_messages=False)
        if isinstance(prompts, str) or is_token_ids(prompts):
            return True, self._work([self._prompts.encode(prompts)], params, options, form)
        if not isinstance(prompts, Sequence):
            raise InvalidRequestError(
                f"a prompt must be a string, a list of token ids, or a list of prompts, not {type(prompts).__name__}"
            )
        return False, self._work(_each(prompts, "prompt", self._prompts.encode), params, options, form, "prompt")

    def chat(self, messages: Any, params: SamplingParams | None, options: ChatOptions) -> tuple[bool, Work]:
        """The requests of `chat`, and whether it was called with one conversation."""
        form = self._form(options, has_messages=True)
        encode = partial(self._prompts.encode_chat, tool_set=form.tool_set)
        if not _is_batch(messages):
            return True, self._work([encode(messages)], params, options, form)
        return False, self._work(_each(messages, "conversation", encode), params, options, form, "conversation")

    def stream(self, prompt: Any, params: SamplingParams | None, options: ChatOptions) -> tuple[Request, AnswerForm]:
        form = self._form(options, has_messages=is_messages(prompt))
        params = self._checked(params)
        for name in ("n", "best_of", "num_beams"):
            if getattr(params, name) not in (None, 1):
                raise InvalidRequestError(f"{name}={getattr(params, name)} is not valid for a stream: it must be 1")
        if _is_list_of_prompts(prompt):
            raise InvalidRequestError(
                "stream takes one prompt or one conversation, not a list of them; generate and chat take lists"
            )
        is_chat = is_messages(prompt)
        ids = self._prompts.encode_chat(prompt, form.tool_set) if is_chat else self._prompts.encode(prompt)
        (request,) = new_requests(ids, params, service_of(options), form, self._engine, self._tokenizer)
        return request, form

    def _checked(self, params: SamplingParams | None) -> SamplingParams:
        if params is None:
            return self._default_params
        if not isinstance(params, SamplingParams):
            raise InvalidRequestError(f"params must be a SamplingParams or None, not {type(params).__name__}")
        check_vocabulary(params, self._tokenizer.n_vocab)
        if params.stop:
            self._check_has_texts("stop strings")
        return params

    def _form(self, options: Mapping[str, Any], has_messages: bool) -> AnswerForm:
        self._engine.check_open()
        check_options(options, has_messages)
        if options.get("response_format") is not None:
            self._check_has_texts("response formats")
        return self._answers.form_of(options)

    def _check_has_texts(self, wanted: str) -> None:
        if isinstance(self._tokenizer, IdsOnly):
            raise self._tokenizer.error(wanted)

    def _work(
        self,
        prompts: list[list[int]],
        params: SamplingParams | None,
        options: RequestOptions,
        form: AnswerForm,
        kind: str | None = None,
    ) -> Work:
        """Requests for all prompts as one batch. `kind` names them in errors."""
        checked, service = self._checked(params), service_of(options)

        def requests(ids: list[int]) -> list[Request]:
            return new_requests(ids, checked, service, form, self._engine, self._tokenizer)

        return Work(_each(prompts, kind, requests), checked.n, form)


def _each(items: Sequence[_T], kind: str | None, act: Callable[[_T], _R]) -> list[_R]:
    """act on each item; what is wrong with one says which one, where there is a kind to call them by."""
    results = []
    for index, item in enumerate(items):
        try:
            results.append(act(item))
        except InvalidRequestError as error:
            if kind is not None:
                error.args = (f"{kind} {index}: {error}",)
            raise
    return results


def _is_list_of_prompts(value: object) -> bool:
    """Whether this is a list of texts, of lists of token ids or of conversations."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, (str, *BINARY))
        and bool(value)
        and (isinstance(value[0], (str, Sequence, np.ndarray)))
    )


def _is_batch(messages: object) -> bool:
    """Whether this is a list of conversations, each a list itself."""
    return (
        isinstance(messages, Sequence)
        and not isinstance(messages, str)
        and bool(messages)
        and isinstance(messages[0], Sequence)
        and not isinstance(messages[0], str)
    )
