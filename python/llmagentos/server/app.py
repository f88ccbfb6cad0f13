"""The application: routes, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from llmagentos import __version__
from llmagentos.errors import LLMAgentOSError
from llmagentos.own_thread import in_own_thread
from llmagentos.server.body_limits import BodyLimits
from llmagentos.server.config import ServerConfig
from llmagentos.server.connection import Connection, ErrorResponses
from llmagentos.server.errors import api_error_of
from llmagentos.server.gate import Capacity, Gate, allowed_hosts
from llmagentos.server.keys import read_keys
from llmagentos.server.metrics import Metrics
from llmagentos.server.model_pool import ModelPool, Open
from llmagentos.server.moderation import Moderator
from llmagentos.server.openapi import DocumentedApp
from llmagentos.server.page import mount_page
from llmagentos.server.routes import chat, completions, embeddings, health, models, moderations, responses, tokens
from llmagentos.server.serving import Serving
from llmagentos.server.spans import RequestSpans, exporting_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from llmagentos.llm import LLM

_FAILURES: tuple[type[Exception], ...] = (
    LLMAgentOSError,
    RequestValidationError,
    HTTPException,
    MemoryError,
    RecursionError,
)


def create_app(
    config: ServerConfig, open_model: Open | None = None, tracer_provider: TracerProvider | None = None
) -> FastAPI:
    """The server as an ASGI application.

    Args:
        open_model: loads models; `LLM` by default.
        tracer_provider: gets spans where `config.otel` says so; by default one that sends them away by OTLP.

    Raises:
        InvalidRequestError: a file of keys that cannot be read, or rules of moderation that are not valid.
        LLMAgentOSError: spans are asked for, and the extra `trace` is not installed.
    """
    spans = RequestSpans(tracer_provider or exporting_provider()) if config.otel else None
    keys = None if config.keys_file is None else read_keys(config.keys_file)
    capacity = Capacity(config.max_requests)

    def stats() -> dict[str, Any]:
        return {name: llm.stats() for name, llm in pool.loaded.items() if _has_engine(llm)}

    def unloads(name: str, llm: LLM) -> None:
        if _has_engine(llm):
            measured.keep(name, llm.stats())

    measured = Metrics(stats)
    pool = ModelPool(config.models, config.unload_after or None, measured.observer, open_model, unloads)
    moderator = None if config.moderation is None else Moderator(config.moderation)
    serving = Serving(config, pool, measured, capacity, moderator)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.start()
        try:
            yield
        finally:
            await pool.close()
            serving.close()
            if spans is not None:
                await in_own_thread(spans.close)

    app = DocumentedApp(
        title="llmagentos",
        version=__version__,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.serving = serving
    for routes in (chat, completions, responses, embeddings, moderations, models, tokens, health):
        app.include_router(routes.router)
    mount_page(app)
    for failure in _FAILURES:
        app.add_exception_handler(failure, _failed)
    # The last one added is the outermost.
    app.add_middleware(BodyLimits, max_bytes=config.max_body_bytes, timeout=config.body_timeout)
    hosts = allowed_hosts(config.is_local, config.host, config.allowed_hosts)
    app.add_middleware(Gate, keys=keys, hosts=hosts, capacity=capacity)
    app.add_middleware(ErrorResponses)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(Connection, metrics=measured, spans=spans)
    return app


def _has_engine(llm: LLM) -> bool:
    return llm.generates and llm.remote is None


async def _failed(_: Request, error: Exception) -> Response:
    return api_error_of(error).response()
