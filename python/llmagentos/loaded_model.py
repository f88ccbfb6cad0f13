"""What an LLM has loaded: opened, told about, closed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from llmagentos.calls.prompts import PromptEncoder, TokenizerInfo
from llmagentos.errors import InvalidRequestError
from llmagentos.loading.local_model import LocalEncoder, LocalModel, ModelInfo, open_local_model
from llmagentos.loading.settings import LoadSettings, check_is_name, check_task
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from typing_extensions import Self

    from llmagentos.answering import Answering
    from llmagentos.calls.adapters import AdapterInfo
    from llmagentos.calls.arguments import Calls
    from llmagentos.calls.text_encoder import TextEncoder
    from llmagentos.engine.engine import Engine
    from llmagentos.providers.remote_model import RemoteModel, RemoteModelInfo


class LoadedModel:
    """A model on this machine, one that makes vectors of texts, or one of a service.

    Args:
        settings: the arguments of `LLM` by name.
        defaults: what those are that nobody gives.
    """

    def __init__(self, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        model, adapters = settings["model"], settings["adapters"]
        check_is_name(model)
        from llmagentos.market import remote_name

        self._encoding: TextEncoder | None = None
        self._generating: LocalModel | None = None
        self._remote: RemoteModel | None = None
        if (remote := remote_name(model)) is not None:
            from llmagentos.providers import open_remote_model

            check_task(settings["task"])
            self._remote = open_remote_model(remote, settings, defaults)
            return
        others = {name: value for name, value in settings.items() if name not in ("model", "adapters")}
        opened = open_local_model(model, LoadSettings(**others))
        self._info = opened.info
        if isinstance(opened, LocalEncoder):
            self._encoding, self._adapters = opened.encoder, opened.encoder.adapters
            self._tokenizer, self._prompts = opened.encoder.tokenizer, opened.encoder.prompts
        else:
            self._generating, self._adapters = opened, opened.adapters
            self._tokenizer = opened.tokenizer
            self._prompts = PromptEncoder(opened.tokenizer, opened.chat_template, opened.info.name)
        if adapters is not None:
            try:
                self._adapters.load_all(adapters)
            except BaseException:
                self.close()
                raise

    @property
    def info(self) -> ModelInfo | RemoteModelInfo:
        """What was loaded, and how; of a service's model, which it is and where."""
        return self._info if self._remote is None else self._remote.info

    @property
    def _local(self) -> LocalModel:
        self._check_local()
        if self._generating is None:
            raise InvalidRequestError(
                f"{self._info.name} makes vectors of texts, it generates none; use embed(), rerank() or classify()"
            )
        return self._generating

    @property
    def _engine(self) -> Engine:
        return self._local.engine

    @property
    def _default_params(self) -> SamplingParams:
        return self._local.default_params

    def _check_local(self) -> None:
        if self._remote is not None:
            raise InvalidRequestError(
                f"{self._remote.info.name} runs at a service, which takes and gives texts: token ids, their log "
                "probabilities and an engine's figures, and adapters are for models that run here"
            )

    @cached_property
    def _answering(self) -> Answering:
        if self._remote is not None:
            return self._remote
        from llmagentos.calls.local_answers import LocalAnswers

        return LocalAnswers(self._engine, self._calls)

    @cached_property
    def _calls(self) -> Calls:
        from llmagentos.calls.answer_forms import AnswerForms
        from llmagentos.calls.arguments import Calls

        local = self._local
        answers = AnswerForms(local.tokenizer, local.chat_template)
        return Calls(
            local.engine, local.tokenizer, self._prompts, answers, local.default_params, local.adapters, local.decoding
        )

    @property
    def encoder(self) -> TextEncoder:
        """What makes vectors of texts, of a model that does. For servers: it counts the tokens that it reads."""
        self._check_local()
        if self._encoding is None:
            raise InvalidRequestError(
                f'{self._info.name} was loaded to generate texts; load it with task="embed" for embeddings'
            )
        return self._encoding

    def _check_open(self) -> None:
        self._check_local()
        if self._encoding is not None:
            self._encoding.check_open()
        else:
            self._engine.check_open()

    @property
    def default_params(self) -> SamplingParams:
        """What calls without params use: the sampling that the model's file recommends, else greedy.

        Of a service OpenAI's defaults; there, calls without params leave the choice to the service.
        """
        return SamplingParams() if self._remote is not None else self._default_params

    @property
    def generates(self) -> bool:
        """Whether it generates texts, rather than making vectors of them."""
        return self._generating is not None or self._remote is not None

    @property
    def remote(self) -> RemoteModel | None:
        """What asks the service, of a service's model; None for a model that runs here. For servers: see its
        `prepare`."""
        return self._remote

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat` works, and `generate_text` answers rather than continues."""
        return self._remote is not None or self._prompts.has_chat_template

    @property
    def tokenizer_info(self) -> TokenizerInfo:
        """The texts of the tokenizer's special tokens, and the chat template."""
        self._check_local()
        return self._prompts.tokenizer_info

    @property
    def adapters(self) -> list[AdapterInfo]:
        """The adapters that are loaded."""
        return [] if self._remote is not None else self._adapters.infos()

    def load_adapter(self, name: str, path: str | os.PathLike[str]) -> None:
        """Load a LoRA adapter: a folder with adapter_config.json and adapter_model.safetensors, as PEFT saves it.

        Calls choose it with `adapter=name`; those with different adapters, and with none, share each step. The model's
        own weights stay as they are, in whatever format.

        Raises:
            ModelNotFoundError: no such folder, or a file is missing in it.
            ModelFormatError: a file is broken.
            UnsupportedModelError: an adapter for another model, or one that needs what this build does not do; names
                the field and its value, or the tensor.
            InvalidRequestError: the name is taken.
        """
        self._check_local()
        self._adapters.load(name, path)

    def unload_adapter(self, name: str) -> None:
        """Free an adapter's memory.

        Raises:
            InvalidRequestError: it is not loaded, or a call under way or a stream that is not closed uses it.
        """
        self._check_local()
        self._adapters.unload(name)

    def close(self) -> None:
        """Give all memory back, once the step under way is through.

        Requests under way fail. Every later call but `close` raises LLMAgentOSError; `info`, `default_params` and
        `has_chat_template`, which say what was loaded, stay. From a signal handler that interrupts a call of its own
        thread it returns at once, and that call closes the model at the end of its step.
        """
        if self._remote is not None:
            self._remote.close()
        elif self._encoding is not None:
            self._encoding.close()
        else:
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
