"""What answers look like, for the OpenAPI document; they are written without it, for speed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Every failure, in OpenAI's shape."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in {
        400: "The request is not valid",
        401: "No valid API key",
        403: "A Host that is not served",
        404: "No such model",
        408: "The body took too long",
        413: "The body is too large",
        415: "The body is no application/json",
        429: "A limit of the key is reached, or of a service",
        502: "A service failed",
        503: "Too much to do, out of memory, or stopping",
        504: "The model took too long",
    }.items()
}


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class Answer(BaseModel):
    """A completion or a chat completion."""

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: Usage


class ResponseObject(BaseModel):
    """An answer of /v1/responses."""

    id: str
    object: str
    created_at: int
    model: str
    status: str
    output: list[dict[str, Any]]
    usage: dict[str, Any]


class Embedding(BaseModel):
    object: str
    index: int
    embedding: list[float] | str


class EmbeddingList(BaseModel):
    object: str
    data: list[Embedding]
    model: str
    usage: dict[str, int]


class Ranked(BaseModel):
    index: int
    relevance_score: float
    document: dict[str, str] | None = None


class Ranking(BaseModel):
    model: str
    results: list[Ranked]
    usage: dict[str, int]


class ModerationResult(BaseModel):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]


class Moderation(BaseModel):
    id: str
    model: str
    results: list[ModerationResult]


class ModelCard(BaseModel):
    id: str
    object: str
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: str
    data: list[ModelCard]


class Tokens(BaseModel):
    tokens: list[int]
    count: int


class TokenizerCard(BaseModel):
    bos_token: str | None
    eos_token: str | None
    pad_token: str | None
    unk_token: str | None
    chat_template: str | None


class Text(BaseModel):
    prompt: str


class Status(BaseModel):
    status: str


def streamed(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that answers with JSON, or with events where it is asked for a stream."""
    return {**ERRORS, 200: {"model": model, "content": {"text/event-stream": {}}}}
