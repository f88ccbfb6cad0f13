"""Every failure as an HTTP status and a body in OpenAI's shape."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from llmagentos.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMAgentOSError,
    OutOfMemoryError,
    ProviderError,
    QueueFullError,
)
from llmagentos.openai_protocol.refusal import refusal_of

_LOGGER = logging.getLogger("llmagentos.server")
_RETRY_SECONDS = "1"
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_MAX_MESSAGE = 2000
# Advice that speaks of the Python API, and what it is here.
_ADVICE = (
    ("use embed(), rerank() or classify()", "use /v1/embeddings or /v1/rerank"),
    ('load it with task="embed" for embeddings', 'serve it with task = "embed" for embeddings'),
    ("use generate() or generate_text(), whose answers are", "use /v1/completions, whose answers are"),
)


class ApiError(HTTPException):
    """A failure that a client is told of.

    Args:
        status: of HTTP.
        message: for people.
        code: for programs.
        param: the field at fault.
        headers: besides the usual ones.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code
        self.param = param

    @property
    def type(self) -> str:
        return _TYPES.get(self.status_code, "invalid_request_error" if self.status_code < 500 else "server_error")

    @property
    def body(self) -> dict[str, Any]:
        message = self.detail if len(self.detail) <= _MAX_MESSAGE else f"{self.detail[:_MAX_MESSAGE]}..."
        # A message may quote a text that is not valid Unicode.
        message = message.encode("utf-8", "backslashreplace").decode()
        return {"error": {"message": message, "type": self.type, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        return Response(orjson.dumps(self.body), self.status_code, self.headers, "application/json")


def overloaded(message: str) -> ApiError:
    """There is too much to do: the client is to come back."""
    return ApiError(503, message, code="overloaded", headers={"Retry-After": _RETRY_SECONDS})


def timed_out(seconds: float) -> ApiError:
    """A model did not finish in the time that a request may take."""
    return ApiError(504, f"the model was not done after {seconds:g} seconds, which is the limit here", code="timeout")


def api_error_of(error: BaseException) -> ApiError:
    """What a client is told of an error. One that nobody has foreseen is logged, and its text stays here."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        if error.status_code == 404 and error.detail == "Not Found":  # starlette's own words
            return ApiError(404, "there is no such route, or not for this method: /openapi.json lists all")
        return ApiError(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, ContextLengthError):
        # Clients that shorten what they send look for OpenAI's words.
        message = f"This model's maximum context length is {error.context_length} tokens: {error}"
        return ApiError(400, message, code="context_length_exceeded")
    if isinstance(error, InvalidRequestError):
        message = str(error)
        named = re.match(r"([a-z_]+)(?:\[\d+\]|\.[a-z_]+)*[= ]", message)
        is_field = named is not None and message[named.end() - 1] == "="
        for said, here in _ADVICE:
            message = message.replace(said, here)
        return ApiError(400, message, param=named[1] if named and is_field else None)
    if isinstance(error, QueueFullError):
        return overloaded(str(error))
    if isinstance(error, (OutOfMemoryError, MemoryError)):
        return ApiError(503, str(error) or "out of memory", code="out_of_memory", headers={"Retry-After": "30"})
    if isinstance(error, RecursionError):
        return ApiError(400, "the request is nested too deeply")
    if isinstance(error, ProviderError):
        return _of_service(error)
    if isinstance(error, LLMAgentOSError):
        _LOGGER.error("%s", error)
        return ApiError(503, str(error), code="model_failed")
    _LOGGER.error("unexpected error", exc_info=error)
    return ApiError(500, "the server failed; its log says why", code="internal_error")


def _of_service(error: ProviderError) -> ApiError:
    """What a service has refused is refused here, in its own words; all else is the service's failure."""
    _LOGGER.warning("%s", error)
    headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
    status = error.status
    if error.timed_out or status in (408, 504):
        return ApiError(504, str(error), code="service_timeout")
    if status in (401, 403):  # not the client's key: the one that this server has for the service
        return ApiError(401, str(error), code="service_refused_key")
    if status == 429:
        return ApiError(429, str(error), code="service_rate_limit", headers=headers)
    if status == 404:
        return ApiError(404, str(error), code="model_not_found", param="model")
    if status is not None and status < 500:
        return ApiError(400, str(error), code="service_refused_request")
    return ApiError(502, str(error), code="service_failed", headers=headers)


def _of_validation(error: RequestValidationError) -> ApiError:
    refusal = refusal_of(error.errors(), error.body)
    return ApiError(400, refusal.message, code=refusal.code, param=refusal.param)
