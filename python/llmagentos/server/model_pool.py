"""Several models in one process: loaded when they are first asked for, unloaded when nobody has for a while."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from llmagentos.errors import LLMAgentOSError, OutOfMemoryError, ProviderError
from llmagentos.server.config import ModelConfig
from llmagentos.server.errors import ApiError

if TYPE_CHECKING:
    from typing_extensions import Self

    from llmagentos.engine.statistics import Event
    from llmagentos.llm import LLM

_LOGGER = logging.getLogger("llmagentos.server")
Observer = Callable[["Event"], None]
Open = Callable[[ModelConfig, Observer], "LLM"]


class Lease:
    """The use of a loaded model, which is not unloaded meanwhile. A context manager, or released by hand."""

    def __init__(self, hosted: _Hosted, llm: LLM) -> None:
        self.name = hosted.name
        self.llm = llm
        self._hosted: _Hosted | None = hosted

    def release(self) -> None:
        """Give the model back. A second time does nothing."""
        hosted, self._hosted = self._hosted, None
        if hosted is not None:
            hosted.n_users -= 1
            hosted.last_used = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class ModelPool:
    """The models of a server. For one event loop.

    Args:
        configs: models by name; the first stays loaded.
        unload_after: seconds without use after which others are unloaded; None never.
        observer: makes what is told of each model's events, by its name.
        open_model: loads one; in a thread of its own.
        on_unload: told of each model that is about to be unloaded, with its name.
    """

    def __init__(
        self,
        configs: Mapping[str, ModelConfig],
        unload_after: float | None,
        observer: Callable[[str], Observer],
        open_model: Open | None = None,
        on_unload: Callable[[str, LLM], None] | None = None,
    ) -> None:
        self._hosted = {name: _Hosted(name, config) for name, config in configs.items()}
        self._unload_after = unload_after
        self._observer = observer
        self._open = open_model or load
        self._on_unload = on_unload
        self._reaper: asyncio.Task[None] | None = None
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()  # models that are being unloaded

    @property
    def names(self) -> list[str]:
        return list(self._hosted)

    @property
    def loaded(self) -> dict[str, LLM]:
        """Models in memory, by name."""
        return {name: hosted.llm for name, hosted in self._hosted.items() if hosted.llm is not None}

    def started(self, name: str) -> float:
        """Seconds since the epoch at which the model was made known here."""
        return self._hosted[name].created

    async def start(self) -> None:
        """Load the first model, and begin to look for idle ones. A second time does nothing."""
        if self._reaper is None:
            await self._load(next(iter(self._hosted.values())))
            self._reaper = asyncio.create_task(self._unload_idle())

    async def lease(self, name: str) -> Lease:
        """The use of a model, which is loaded if it is not.

        Raises:
            ApiError: there is no model of that name, or it cannot be loaded.
            OutOfMemoryError: it does not fit beside those that are in use.
        """
        hosted = self._hosted.get(name)
        if hosted is None:
            raise ApiError(404, f"there is no model {name!r} here", code="model_not_found", param="model")
        hosted.n_users += 1  # before it is loaded, so that it is not unloaded again at once
        try:
            return Lease(hosted, hosted.llm or await self._load(hosted))
        except ProviderError as error:  # a service's model without a key: the service itself was not asked
            hosted.n_users -= 1
            raise ApiError(503, str(error), code="model_failed") from None
        except BaseException as error:
            hosted.n_users -= 1
            if not isinstance(error, LLMAgentOSError) or isinstance(error, OutOfMemoryError):
                raise
            _LOGGER.error("%s: %s", name, error)  # it may name files here, which are no client's business
            message = f"the model {name!r} cannot be loaded; the server's log says why"
            raise ApiError(503, message, code="model_failed") from None

    async def close(self) -> None:
        """Unload all models; what runs on them fails."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            with suppress(asyncio.CancelledError):
                await self._reaper
        for hosted in self._hosted.values():
            if hosted.loading is not None:
                with suppress(Exception):
                    await hosted.loading
        await asyncio.gather(*(self._unload(hosted) for hosted in self._hosted.values() if hosted.llm is not None))
        await self._unloaded()

    async def _load(self, hosted: _Hosted) -> LLM:
        if self._closed:
            raise ApiError(503, "the server is stopping", code="stopping")
        if hosted.loading is None:
            hosted.loading = asyncio.create_task(self._load_now(hosted))
        # A client that leaves does not stop it: others may wait, and a half-loaded model would be lost.
        return await asyncio.shield(hosted.loading)

    async def _load_now(self, hosted: _Hosted) -> LLM:
        try:
            _LOGGER.info("loading %s", hosted.name)
            began = time.monotonic()
            try:
                llm = await self._opened(hosted)
            except OutOfMemoryError:
                # What is being unloaded just now gives its memory back as well.
                if not (await self._unloaded() + await self._unload_unused()):
                    raise
                llm = await self._opened(hosted)
            _LOGGER.info("loaded %s in %.1f s", hosted.name, time.monotonic() - began)
            hosted.llm, hosted.last_used = llm, time.monotonic()
            return llm
        finally:
            hosted.loading = None

    async def _opened(self, hosted: _Hosted) -> LLM:
        # Not by a daemon, which would be in native code while Python ends (engine/exits.py); so is closing.
        return await asyncio.to_thread(self._open, hosted.config, self._observer(hosted.name))

    async def _unload_idle(self) -> None:
        if self._unload_after is None:
            return
        while True:
            await asyncio.sleep(min(self._unload_after / 4, 10.0))
            await self._unload_unused(since=time.monotonic() - self._unload_after)

    async def _unloaded(self) -> int:
        """Wait for what is being unloaded; how many there were."""
        return len(await asyncio.gather(*self._closing, return_exceptions=True))

    async def _unload_unused(self, since: float = math.inf) -> int:
        """Unload the models, but the first, that nobody uses or has used since then; how many there were."""
        n_unloaded = 0
        for hosted in list(self._hosted.values())[1:]:
            # Asked of each when its turn comes: it may have come into use while one before it was unloaded.
            if hosted.llm is not None and hosted.n_users == 0 and hosted.last_used < since:
                await self._unload(hosted)
                n_unloaded += 1
        return n_unloaded

    async def _unload(self, hosted: _Hosted) -> None:
        llm, hosted.llm = hosted.llm, None
        if llm is not None:
            if self._on_unload is not None:
                self._on_unload(hosted.name, llm)
            closing = asyncio.create_task(asyncio.to_thread(llm.close))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)
            _LOGGER.info("unloaded %s", hosted.name)


class _Hosted:
    """A model's place in the pool."""

    def __init__(self, name: str, config: ModelConfig) -> None:
        self.name = name
        self.config = config
        self.created = time.time()
        self.llm: LLM | None = None
        self.loading: asyncio.Task[LLM] | None = None
        self.n_users = 0
        self.last_used = 0.0


def load(config: ModelConfig, observer: Observer) -> LLM:
    """LLM as the settings say. Those that only a model with requests has a use for are left out for others.

    Raises:
        LLMAgentOSError: it cannot be loaded; for a service's model, it has no key, or settings of models that run here.
    """
    from llmagentos.llm import LLM
    from llmagentos.market import is_remote

    if is_remote(config.path):
        return LLM(config.path, **config.model_dump(include=config.model_fields_set - {"path"}, exclude_none=True))
    settings: dict[str, Any] = config.model_dump(exclude={"path", "kv_dtype", "max_queued"}, exclude_none=True)
    if config.task != "embed" and not _makes_vectors(config.path):
        settings |= {"kv_dtype": config.kv_dtype, "max_queued": config.max_queued, "on_event": observer}
    return LLM(config.path, **settings)


def _makes_vectors(path: str) -> bool:
    from llmagentos.market import resolve
    from llmagentos.models import open_checkpoint

    return open_checkpoint(resolve(path)).pooling is not None
