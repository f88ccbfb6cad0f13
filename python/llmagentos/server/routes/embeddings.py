"""/v1/embeddings and /v1/rerank."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.own_thread import in_own_thread
from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.errors import ApiError
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.schemas.answers import ERRORS, EmbeddingList, Ranking
from llmagentos.server.schemas.embeddings import EmbeddingRequest, RerankRequest
from llmagentos.server.serving import charge, serving_of

if TYPE_CHECKING:
    from llmagentos.calls.text_encoder import Vectors
    from llmagentos.llm import LLM

_T = TypeVar("_T")
_Text = TypeVar("_Text", bound="str | list[int]")
# Of what is computed between two looks whether the client is still there, and whether it has time:
_TEXTS_TOGETHER, _CHARACTERS_TOGETHER = 64, 16384
_CHARACTERS_PER_TOKEN = 4

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/embeddings", response_model=None, responses={**ERRORS, 200: {"model": EmbeddingList}})
async def embeddings(request: Request, body: EmbeddingRequest) -> Response:
    """A vector for each text."""
    texts = body.texts

    def embed(llm: LLM, some: Sequence[str | list[int]]) -> tuple[Vectors, int]:
        if llm.remote is not None:
            return llm.remote.embed(some, body.prompt_name, body.normalize, body.truncate)
        return llm.encoder.embed(some, body.prompt_name, body.normalize, body.truncate, adapter=None)

    parts, n_tokens = await _in_parts(request, body.model, texts, embed)
    vectors = np.concatenate(parts)
    if body.dimensions not in (None, vectors.shape[1]):
        raise ApiError(
            400, f"dimensions={body.dimensions} is not valid: it must be {vectors.shape[1]}", param="dimensions"
        )
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector, body.encoding_format == "base64")}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return json_response({"object": "list", "data": data, "model": body.model, "usage": usage})


@router.post("/v1/rerank", response_model=None, responses={**ERRORS, 200: {"model": Ranking}})
async def rerank(request: Request, body: RerankRequest) -> Response:
    """Documents by how well they answer a query, best first."""
    documents = [one if isinstance(one, str) else one.text for one in body.documents]

    def score(llm: LLM, some: Sequence[str]) -> tuple[list[float], int]:
        ranking, n_tokens = llm.encoder.rerank(body.query, some, None, body.truncate, adapter=None)
        return [found.score for found in sorted(ranking, key=lambda found: found.index)], n_tokens

    parts, n_tokens = await _in_parts(request, body.model, documents, score)
    scores = [value for part in parts for value in part]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[: body.top_n]
    results = [
        {"index": index, "relevance_score": scores[index]}
        | ({"document": {"text": documents[index]}} if body.return_documents else {})
        for index in order
    ]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return json_response({"model": body.model, "results": results, "usage": usage})


async def _in_parts(
    request: Request,
    model: str,
    texts: Sequence[_Text],
    run: Callable[[LLM, Sequence[_Text]], tuple[_T, int]],
) -> tuple[list[_T], int]:
    """What the model makes of the texts, some at a time, and the number of tokens that it read."""
    serving = serving_of(request)
    with await serving.models.lease(model) as lease:
        llm = lease.llm
        request.state.model = model
        in_thread, n_characters = (
            (serving.computed, _CHARACTERS_TOGETHER) if llm.remote is None else (in_own_thread, math.inf)
        )

        def made_of(some: Sequence[_Text]) -> tuple[_T, int]:
            made, n_tokens = run(llm, some)
            charge(request, n_tokens)  # here, where it is known even if the client has left meanwhile
            return made, n_tokens

        async def all_made() -> list[tuple[_T, int]]:
            return [await in_thread(partial(made_of, some)) for some in _parts(texts, n_characters)]

        made = await unless_disconnected(request, all_made(), serving.config.request_timeout)
    return [one for one, _ in made], sum(n_tokens for _, n_tokens in made)


def _parts(texts: Sequence[_Text], n_characters: float) -> Iterator[Sequence[_Text]]:
    """The texts in their order, in parts of at most so many characters, unless a single text has more."""
    begin = size = 0
    for index, text in enumerate(texts):
        length = len(text) if isinstance(text, str) else len(text) * _CHARACTERS_PER_TOKEN
        if index > begin and (index - begin == _TEXTS_TOGETHER or size + length > n_characters):
            yield texts[begin:index]
            begin, size = index, 0
        size += length
    yield texts[begin:]


def _written(vector: Vectors, is_base64: bool) -> Vectors | str:
    """Float32, little-endian, in base64; or as it is."""
    if is_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return vector
