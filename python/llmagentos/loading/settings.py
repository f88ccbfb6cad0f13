"""How a model on this machine is to be loaded: the arguments of `LLM`, checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmagentos.calls.prompts import check_positive, check_seconds
from llmagentos.errors import InvalidRequestError, shown

if TYPE_CHECKING:
    from llmagentos.engine.statistics import Event

MAX_BATCHED_TOKENS = 1 << 16
MAX_THREADS = 1024
MAX_RUNNING = 4096
KV_DTYPES = ("f16", "f32", "int8")
SPECULATION = ("ngram", "off")
TASKS = ("generate", "embed")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """What each means, `LLM` says.

    Raises:
        InvalidRequestError: a value is not one that there is.
    """

    task: str | None
    threads: int | None
    context_length: int | None
    kv_cache_bytes: int | None
    kv_dtype: str
    max_batched_tokens: int | None
    max_running: int | None
    max_queued: int | None
    prefix_cache: bool
    inter_token_target: float | None
    speculation: str
    draft_model: str | os.PathLike[str] | None
    on_event: Callable[[Event], None] | None
    quantize: str | None

    def __post_init__(self) -> None:
        check_positive("threads", self.threads, most=MAX_THREADS)
        check_positive("context_length", self.context_length, least=2, most=2**31 - 1)  # a token and its answer's
        check_positive("kv_cache_bytes", self.kv_cache_bytes, most=2**63 - 1)
        check_positive("max_batched_tokens", self.max_batched_tokens, most=MAX_BATCHED_TOKENS)
        check_positive("max_running", self.max_running, most=MAX_RUNNING)
        check_positive("max_queued", self.max_queued)
        check_seconds("inter_token_target", self.inter_token_target)
        if not isinstance(self.prefix_cache, bool):
            raise InvalidRequestError(f"prefix_cache={shown(self.prefix_cache)} is not valid: it must be True or False")
        if self.on_event is not None and not callable(self.on_event):
            raise InvalidRequestError(f"on_event={shown(self.on_event)} is not valid: it must be None or a function")
        _check_one_of("kv_dtype", self.kv_dtype, KV_DTYPES)
        check_task(self.task)
        _check_one_of("speculation", self.speculation, SPECULATION)
        if self.draft_model is not None:
            check_is_name(self.draft_model, "draft_model")
            if self.speculation == "off":
                raise InvalidRequestError(f'draft_model={shown(self.draft_model)} is of no use with speculation="off"')

    def check_for_vectors(self, name: str) -> None:
        """Check that nothing was given that has no meaning for a model that makes vectors of texts.

        Raises:
            InvalidRequestError: something was.
        """
        for argument in (
            "kv_cache_bytes",
            "max_running",
            "max_queued",
            "inter_token_target",
            "draft_model",
            "on_event",
        ):
            value = getattr(self, argument)
            if value is not None:
                raise InvalidRequestError(
                    f"{argument}={shown(value)} is of no use: {name} makes vectors of texts, and has no requests to run"
                )


def check_task(task: object) -> None:
    """Check that there is such a task.

    Raises:
        InvalidRequestError: there is none.
    """
    if task not in (None, *TASKS):
        raise InvalidRequestError(f"task={shown(task)} is not valid: it must be None or one of {', '.join(TASKS)}")


def check_is_name(model: object, argument: str = "model") -> None:
    """Check that it may be a model's name or path.

    Raises:
        InvalidRequestError: it may not.
    """
    name = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    if not isinstance(name, str) or not name:  # a path object may also stand for bytes
        raise InvalidRequestError(
            f"{argument}={shown(model)} is not valid: it must be a name, or the path of a .gguf file or a folder"
        )


def _check_one_of(argument: str, value: object, domain: tuple[str, ...]) -> None:
    if value not in domain:
        raise InvalidRequestError(f"{argument}={shown(value)} is not valid: it must be one of {', '.join(domain)}")
