"""`llmagentos serve`: models behind OpenAI's HTTP interface."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_ENV = "LLMAGENTOS_SERVE_"

_Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        envvar=f"{_ENV}MODEL",
        help="NAME=MODEL, or a model alone: a catalogue name, hf:org/repo, a path, or a service's model "
        "(openai:MODEL, http://HOST/v1#MODEL). May be given several times.",
    ),
]
_Config: TypeAlias = Annotated[
    Path | None, typer.Option("--config", envvar=f"{_ENV}CONFIG", help="A TOML file of settings; options come first.")
]
_Host: TypeAlias = Annotated[
    str | None, typer.Option("--host", envvar=f"{_ENV}HOST", help="Where to listen; the default is this machine only.")
]
_Port: TypeAlias = Annotated[
    int | None, typer.Option("--port", "-p", envvar=f"{_ENV}PORT", help="8000 unless given; 0 takes a free one.")
]
_Keys: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--keys", envvar=f"{_ENV}KEYS", help="A file of API keys (`llmagentos key`); without it none is asked."
    ),
]
_Cors: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--cors-origin", envvar=f"{_ENV}CORS_ORIGIN", help="Let web pages of this origin in; '*' for all."),
]
_Hosts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--allowed-host", envvar=f"{_ENV}ALLOWED_HOST", help="A name that this machine is called by as well."),
]
_Threads: TypeAlias = Annotated[
    int | None,
    typer.Option("--threads", "-t", envvar=f"{_ENV}THREADS", help="Threads of each model; the default is all CPUs."),
]
_Context: TypeAlias = Annotated[
    int | None,
    typer.Option("--context", envvar=f"{_ENV}CONTEXT", help="Tokens of prompt and answer; the default is the model's."),
]
_MaxRunning: TypeAlias = Annotated[
    int | None, typer.Option("--max-running", envvar=f"{_ENV}MAX_RUNNING", help="Requests a model works on together.")
]
_MaxQueued: TypeAlias = Annotated[
    int | None, typer.Option("--max-queued", envvar=f"{_ENV}MAX_QUEUED", help="Requests that may wait for a model.")
]
_MaxRequests: TypeAlias = Annotated[
    int | None, typer.Option("--max-requests", envvar=f"{_ENV}MAX_REQUESTS", help="Requests under way in all.")
]
_MaxBody: TypeAlias = Annotated[
    int | None, typer.Option("--max-body", envvar=f"{_ENV}MAX_BODY", help="Bytes of a request at most.")
]
_Timeout: TypeAlias = Annotated[
    float | None, typer.Option("--timeout", envvar=f"{_ENV}TIMEOUT", help="Seconds a model may work on a request.")
]
_UnloadAfter: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--unload-after",
        envvar=f"{_ENV}UNLOAD_AFTER",
        help="Seconds without a request after which models but the first are unloaded; 0 keeps them.",
    ),
]
_Moderation: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--moderation",
        envvar=f"{_ENV}MODERATION",
        help="What /v1/moderations looks for: personal_data, instructions; topics and judges are set in the file.",
    ),
]
_Otel: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--otel/--no-otel",
        envvar=f"{_ENV}OTEL",
        help="Send a span for each request by OTLP; on where OTEL_EXPORTER_OTLP_ENDPOINT is set.",
    ),
]


def register(app: typer.Typer) -> None:
    """Adds `serve` to the app."""

    @app.command()
    def serve(
        model: _Models = None,
        config: _Config = None,
        host: _Host = None,
        port: _Port = None,
        keys: _Keys = None,
        cors_origin: _Cors = None,
        allowed_host: _Hosts = None,
        threads: _Threads = None,
        context: _Context = None,
        max_running: _MaxRunning = None,
        max_queued: _MaxQueued = None,
        max_requests: _MaxRequests = None,
        max_body: _MaxBody = None,
        timeout: _Timeout = None,
        unload_after: _UnloadAfter = None,
        moderation: _Moderation = None,
        otel: _Otel = None,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
    ) -> None:
        """Serve models over HTTP, as OpenAI's clients expect it, with a web page at /. Ctrl-C stops in order."""
        _need_extra()
        from llmagentos.server.config import named_model, read_config
        from llmagentos.server.run import serve as run

        given = {
            "models": _by_name([named_model(text) for text in model or ()]) or None,
            "host": host,
            "port": port,
            "keys_file": keys,
            "cors_origins": cors_origin or None,
            "allowed_hosts": allowed_host or None,
            "max_requests": max_requests,
            "max_body_bytes": max_body,
            "request_timeout": timeout,
            "unload_after": unload_after,
            "otel": _has_otlp_endpoint() or None if otel is None else otel,
        }
        for_models = {
            "threads": threads,
            "context_length": context,
            "max_running": max_running,
            "max_queued": max_queued,
        }
        settings = read_config(config, given, for_models, moderation)
        _log(quiet)
        if not settings.is_local and settings.keys_file is None:
            logging.getLogger("llmagentos.server").warning(
                "anybody who can reach %s may use this server: --keys asks for API keys", settings.host
            )
        run(settings, lambda address: print(f"serving at {address}  (Ctrl-C stops)", flush=True))


def _has_otlp_endpoint() -> bool:
    """Whether OpenTelemetry's own variables say where spans go."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT") for name in ("", "TRACES_"))


def _by_name(models: list[tuple[str, str]]) -> dict[str, str]:
    from llmagentos.errors import InvalidRequestError

    found: dict[str, str] = {}
    for name, path in models:
        if name in found:
            raise InvalidRequestError(f"--model names {name!r} twice: give one of them another name with NAME=MODEL")
        found[name] = path
    return found


def _need_extra() -> None:
    try:
        import fastapi  # noqa: F401
        import httptools  # noqa: F401
        import orjson  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        from llmagentos.errors import LLMAgentOSError

        raise LLMAgentOSError(f"serving needs {error.name}: pip install 'llmagentos[server]'") from None


def _log(quiet: bool) -> None:
    """The server's log and the access log go to standard error."""
    logger = logging.getLogger("llmagentos")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    if quiet:
        logging.getLogger("llmagentos.access").setLevel(logging.WARNING)
