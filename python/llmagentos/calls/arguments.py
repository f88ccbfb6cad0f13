"""From the arguments of a call to the requests it makes: what is checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llmagentos.calls.adapters import Adapters
from llmagentos.calls.answer_forms import AnswerForms
from llmagentos.calls.answers import AnswerForm
from llmagentos.calls.generation import (
    ChatOptions,
    RequestOptions,
    Work,
    check_options,
    check_vocabulary,
    new_requests,
    service_of,
)
from llmagentos.calls.prompts import (
    Prompt,
    PromptEncoder,
    each,
    is_batch,
    is_list_of_prompts,
    is_messages,
    is_token_ids,
)
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request, Service
from llmagentos.errors import InvalidRequestError
from llmagentos.formats.ids_only import IdsOnly
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.formats.checkpoint import DecodingTokens
    from llmagentos.formats.tokenizer import Tokenizer


class Calls:
    """Makes the requests of one model's calls.

    Args:
        default_params: for calls without params.
        adapters: those that calls may choose.
        decoding: how an encoder-decoder model's answers begin and end; None for other models.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        prompts: PromptEncoder,
        answers: AnswerForms,
        default_params: SamplingParams,
        adapters: Adapters,
        decoding: DecodingTokens | None = None,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._prompts = prompts
        self._answers = answers
        self._default_params = default_params
        self._adapters = adapters
        self._decoding = decoding

    def generate(self, prompts: Any, params: SamplingParams | None, options: RequestOptions) -> tuple[bool, Work]:
        """The requests of `generate`, and whether it was called with one prompt."""
        form = self._form(options, has_messages=False)
        if isinstance(prompts, str) or is_token_ids(prompts):
            return True, self._work([self._prompts.encode(prompts)], params, options, form)
        if not isinstance(prompts, Sequence):
            raise InvalidRequestError(
                f"a prompt must be a string, a list of token ids, or a list of prompts, not {type(prompts).__name__}"
            )
        return False, self._work(each(prompts, "prompt", self._prompts.encode), params, options, form, "prompt")

    def chat(self, messages: Any, params: SamplingParams | None, options: ChatOptions) -> tuple[bool, Work]:
        """The requests of `chat`, and whether it was called with one conversation."""
        form = self._form(options, has_messages=True)
        encode = partial(self._prompts.encode_chat, tool_set=form.tool_set)
        if not is_batch(messages):
            return True, self._work([encode(messages)], params, options, form)
        return False, self._work(each(messages, "conversation", encode), params, options, form, "conversation")

    def stream(self, prompt: Any, params: SamplingParams | None, options: ChatOptions) -> tuple[Request, AnswerForm]:
        form = self._form(options, has_messages=is_messages(prompt))
        params = self._checked(params)
        for name in ("n", "best_of", "num_beams"):
            if getattr(params, name) not in (None, 1):
                own = " (the model's own settings, without params)" if params is self._default_params else ""
                raise InvalidRequestError(
                    f"{name}={getattr(params, name)}{own} is not valid for a stream: it must be 1"
                )
        if is_list_of_prompts(prompt):
            raise InvalidRequestError(
                "stream takes one prompt or one conversation, not a list of them; generate and chat take lists"
            )
        is_chat = is_messages(prompt)
        ids = self._prompts.encode_chat(prompt, form.tool_set) if is_chat else self._prompts.encode(prompt)
        decoding = self._decoding_of(options, form, params)
        service = service_of(options, self._adapters)
        (request,) = new_requests(ids, params, service, form, self._engine, self._tokenizer, decoding)
        return request, form

    def score(self, text: Prompt, source: Prompt | None, adapter: str | None) -> Request:
        """The request that computes how likely each token of a text is; see `LLM.score`."""
        self._engine.check_open()
        service = Service(adapter=self._adapters.number_of(adapter))
        ids, encoder = self._prompts.encode(text), None
        if self._decoding is None and source is not None:
            raise InvalidRequestError("source is for encoder-decoder models, and this is none")
        if self._decoding is not None:
            if source is None:
                raise InvalidRequestError("source is missing: what the encoder reads before the text is scored")
            encoder = EncoderInput(self._prompts.encode(source), service.adapter)
            self._engine.check_input_fits(len(encoder.token_ids))
            ids = [self._decoding.start, *ids]
        self._engine.check_fits(len(ids), n_new=0)
        params = SamplingParams(temperature=0.0)
        return Request(ids, params, len(ids), prompt_logprobs=0, service=service, encoder=encoder)

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
        if has_messages and self._decoding is not None:
            raise InvalidRequestError(
                "an encoder-decoder model cannot chat: use generate() or generate_text(), whose answers are what it "
                "makes of a text"
            )
        return self._answers.form_of(options)

    def _check_has_texts(self, wanted: str) -> None:
        if isinstance(self._tokenizer, IdsOnly):
            raise self._tokenizer.error(wanted)

    def _decoding_of(self, options: RequestOptions, form: AnswerForm, params: SamplingParams) -> DecodingTokens | None:
        """How the answers of one call begin and end."""
        decoding, first = self._decoding, options.get("forced_bos_token_id")
        if decoding is None:
            if first is not None:
                raise InvalidRequestError("forced_bos_token_id is for encoder-decoder models, and this is none")
            return None
        if first is not None:
            decoding = replace(decoding, forced_first=self._prompts.checked_ids([first])[0])
        if params.prompt_logprobs is not None:
            raise InvalidRequestError("prompt_logprobs: an encoder-decoder model predicts no token of its prompt")
        if form.constraint is not None and decoding.forced_first is not None:
            raise InvalidRequestError(
                f"response_format is not possible here: answers begin with token {decoding.forced_first} "
                "(forced_bos_token_id), whatever the form"
            )
        return decoding

    def _work(
        self,
        prompts: list[list[int]],
        params: SamplingParams | None,
        options: RequestOptions,
        form: AnswerForm,
        kind: str | None = None,
    ) -> Work:
        """Requests for all prompts as one batch. `kind` names them in errors."""
        checked, service = self._checked(params), service_of(options, self._adapters)
        decoding = self._decoding_of(options, form, checked)

        def requests(ids: list[int]) -> list[Request]:
            return new_requests(ids, checked, service, form, self._engine, self._tokenizer, decoding)

        return Work(each(prompts, kind, requests), checked.n, form)
