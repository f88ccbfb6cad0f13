"""Names of models that services run: `openai:MODEL`, `gemini:MODEL`, or a base URL of OpenAI's protocol and a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from llmagentos.errors import ModelNotFoundError, shown

Service = Literal["openai", "gemini"]

_SCHEMES: dict[str, Service] = {"openai": "openai", "gemini": "gemini"}
_SCHEME = re.compile(r"(openai|gemini|https?):", re.IGNORECASE)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/%-]*)?", re.IGNORECASE)
REMOTE_FORMS = "openai:MODEL, gemini:MODEL or http(s)://HOST/v1#MODEL"


@dataclass(frozen=True, slots=True)
class RemoteName:
    """What names a model of a service.

    Attributes:
        service: whose protocol is spoken.
        model: what the service calls it.
        base_url: where the service is, without a slash at its end; None is the service's own place.
    """

    service: Service
    model: str
    base_url: str | None = None

    def __str__(self) -> str:
        return f"{self.service}:{self.model}" if self.base_url is None else f"{self.base_url}#{self.model}"


def is_remote_name(text: str) -> bool:
    """Whether `text` means to name a service's model; whether it is well formed is for `parse_remote_name` to say."""
    return _SCHEME.match(text.strip()) is not None


def parse_remote_name(text: str) -> RemoteName:
    """The parts of a name.

    Raises:
        ModelNotFoundError: it is not well formed. A URL with a user and a password is not: keys have variables.
    """
    scheme, _, rest = text.strip().partition(":")
    if (service := _SCHEMES.get(scheme.lower())) is not None:
        if _MODEL.fullmatch(rest) is None:
            raise ModelNotFoundError(f"{shown(text)} names no model: such a name reads {REMOTE_FORMS}")
        return RemoteName(service, rest)
    url, _, model = text.strip().partition("#")
    if "@" in url:
        raise ModelNotFoundError("a URL with a user or a password names no model: keys are read from the environment")
    if _URL.fullmatch(url) is None or _MODEL.fullmatch(model) is None:
        raise ModelNotFoundError(f"{shown(text)} names no model: such a name reads {REMOTE_FORMS}")
    return RemoteName("openai", model, url.rstrip("/"))
