"""Requests of /v1/embeddings and /v1/rerank."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llmagentos.openai_protocol.strict import Strict
from llmagentos.server.schemas.texts import TextOrTexts, one_by_one


class EmbeddingRequest(Strict):
    """`prompt_name`, `truncate` and `normalize` are those of `LLM.embed`."""

    model: str
    input: TextOrTexts
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    prompt_name: str | None = None
    truncate: bool = False
    normalize: bool | None = None
    # Taken, without effect:
    user: str | None = None

    @property
    def texts(self) -> list[str | list[int]]:
        """The texts one by one."""
        return one_by_one(self.input)


class RerankDocument(Strict):
    text: str


class RerankRequest(Strict):
    """As Jina's and Cohere's."""

    model: str
    query: str
    documents: list[str | RerankDocument] = Field(min_length=1, fail_fast=True)
    top_n: int | None = Field(None, ge=1)
    return_documents: bool = False
    truncate: bool = False
