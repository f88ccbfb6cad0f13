"""What a server is told: by flags, by environment variables, or in one TOML file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from llmagentos.errors import InvalidRequestError
from llmagentos.llm import DEFAULT_MODEL
from llmagentos.market import is_remote
from llmagentos.openai_protocol.refusal import refusal_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from typing_extensions import Self


class ModelConfig(BaseModel):
    """One model: where it is, and how `LLM` is to load it. The settings are those of `LLM`.

    A model of a service (docs/remote.md) has `task` only, besides its `path`, which is its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1)
    task: Literal["generate", "embed"] | None = None
    threads: int | None = None
    context_length: int | None = None
    kv_cache_bytes: int | None = None
    kv_dtype: str = "f16"
    max_running: int | None = None
    max_queued: int = 256
    quantize: str | None = None
    draft_model: str | None = None


class JudgeConfig(BaseModel):
    """A served model that says whether texts keep to a policy: what is forbidden, in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    policy: str = Field(min_length=1)


class ModerationConfig(BaseModel):
    """What /v1/moderations looks for.

    Attributes:
        checks: "personal_data" (a category for each kind that `RedactionGuard` knows), "instructions" (texts that
            address the model which reads them).
        topics: rules of each category, as `TopicGuard` takes them.
        judges: one for each category.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    checks: list[Literal["personal_data", "instructions"]] = []
    topics: dict[str, str | list[str]] = {}
    judges: dict[str, JudgeConfig] = {}

    @model_validator(mode="after")
    def _has_guards(self) -> Self:
        if not (self.checks or self.topics or self.judges):
            raise ValueError("it needs checks, topics or judges")
        names = [*(["instructions"] if "instructions" in self.checks else ()), *self.topics, *self.judges]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two guards have the category {twice!r}")
        return self


class ServerConfig(BaseModel):
    """A server's settings.

    Attributes:
        models: by the names that clients call them; the first is loaded at the start and stays.
        host, port: where it listens; port 0 takes a free one.
        keys_file: who may use it; None lets everybody.
        cors_origins: web pages of these origins may use it ("*": of all).
        allowed_hosts: names that it may be called by, besides those of this machine; "*" allows all. Asked only where
            it listens on this machine alone: a web page could otherwise reach it under a name of its own.
        max_body_bytes: of a request.
        max_requests: under way together, more are refused with 503.
        header_timeout, body_timeout: seconds that a client may take to send headers, and a body.
        request_timeout: seconds that a model may work on a request.
        drain_timeout: seconds that requests under way are given when the server stops.
        unload_after: seconds without a request after which a model that was loaded on demand is unloaded; 0 never.
        moderation: what /v1/moderations looks for; None without it.
        otel: whether requests are spans of OpenTelemetry.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, ModelConfig] = Field(min_length=1)
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    keys_file: Path | None = None
    cors_origins: list[str] = []
    allowed_hosts: list[str] = []
    max_body_bytes: int = Field(8 * 2**20, ge=1)
    max_requests: int = Field(512, ge=1)
    header_timeout: float = Field(10.0, gt=0)
    body_timeout: float = Field(30.0, gt=0)
    request_timeout: float = Field(600.0, gt=0)
    drain_timeout: float = Field(30.0, ge=0)
    unload_after: float = Field(900.0, ge=0)
    moderation: ModerationConfig | None = None
    otel: bool = False

    @field_validator("models", mode="before")
    @classmethod
    def _paths_as_tables(cls, models: Any) -> Any:
        if not isinstance(models, Mapping):
            return models
        return {name: {"path": model} if isinstance(model, str) else model for name, model in models.items()}

    @model_validator(mode="after")
    def _judges_are_served(self) -> Self:
        for name, judge in () if self.moderation is None else self.moderation.judges.items():
            if judge.model not in self.models:
                raise ValueError(f"moderation.judges.{name}.model={judge.model!r} is none of the models")
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def read_config(
    file: Path | None,
    given: Mapping[str, Any],
    model_defaults: Mapping[str, Any],
    moderation_checks: Sequence[str] | None = None,
) -> ServerConfig:
    """The settings of a TOML file, with those that were given otherwise in their place.

    Args:
        file: with the keys of `ServerConfig`, models as `[models] NAME = "PATH"` or as tables `[models.NAME]`; without
            any it is the default model.
        given: settings of `ServerConfig`; None stands for one that was not given. Models take the place of the file's.
        model_defaults: settings of `ModelConfig` for each model that runs here and does not have its own.
        moderation_checks: in the place of the file's `moderation.checks`.

    Raises:
        InvalidRequestError: the file cannot be read, or a setting that is unknown or outside its domain; names it.
    """
    settings = {} if file is None else _read_toml(file)
    settings |= {name: value for name, value in given.items() if value is not None}
    defaults = {name: value for name, value in model_defaults.items() if value is not None}
    models = settings.setdefault("models", {DEFAULT_MODEL: DEFAULT_MODEL})
    if isinstance(models, Mapping):
        tables = {name: {"path": model} if isinstance(model, str) else model for name, model in models.items()}
        settings["models"] = {name: _with_defaults(model, defaults) for name, model in tables.items()}
    if moderation_checks and isinstance(moderation := settings.get("moderation", {}), Mapping):
        settings["moderation"] = {**moderation, "checks": list(moderation_checks)}
    try:
        return ServerConfig.model_validate(settings)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        if not first["loc"]:
            raise InvalidRequestError(f"the settings are not valid: {first['msg']}") from None
        raise InvalidRequestError(refusal_of([first, *others], settings, "setting").message) from None


def _with_defaults(model: Any, defaults: Mapping[str, Any]) -> Any:
    is_here = isinstance(model, Mapping) and not is_remote(str(model.get("path", "")))
    return {**defaults, **model} if is_here else model


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return settings
    except OSError as error:
        raise InvalidRequestError(f"cannot read the settings in {file}: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or no TOML
        raise InvalidRequestError(f"the settings in {file} are no TOML: {error}") from None


def named_model(text: str) -> tuple[str, str]:
    """The name and path in "NAME=PATH", or a model's own name, which for a path is that of the file or folder."""
    name, is_named, path = text.partition("=")
    if is_named and name and path:
        return name, path
    if is_named:
        raise InvalidRequestError(f"--model {text!r} is not valid: it must be NAME=PATH, or a model")
    is_path = text.lower().endswith(".gguf") or Path(text).is_dir()
    return (Path(text).name.removesuffix(".gguf") if is_path else text), text
