"""/v1/embeddings and /v1/rerank."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.errors import ApiError
from llmagentos.server.json_route import JsonRoute, json_response
from llmagentos.server.schemas.answers import ERRORS, EmbeddingList, Ranking
from llmagentos.server.schemas.embeddings import EmbeddingRequest, RerankRequest
from llmagentos.server.service_threads import in_own_thread
from llmagentos.server.serving import client_of, serving_of

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.text_encoder import Vectors

_T = TypeVar("_T")
_Text = TypeVar("_Text", bound="str | list[int]")
_TOGETHER = 64  # texts between two looks whether the client is still there

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/embeddings", response_model=None, responses={**ERRORS, 200: {"model": EmbeddingList}})
async def embeddings(request: Request, body: EmbeddingRequest) -> Response:
    """A vector for each text."""
    texts = body.texts

    def embed(llm: LLM, some: Sequence[str | list[int]]) -> tuple[Vectors, int]:
        if llm.remote is not None:
            return llm.remote.embed_counted(some, body.prompt_name, body.normalize, body.truncate)
        vectors = llm.embed(list(some), prompt_name=body.prompt_name, normalize=body.normalize, truncate=body.truncate)
        return vectors, _n_tokens(llm, some)

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
        ranking = llm.rerank(body.query, list(some), truncate=body.truncate)
        scores = [found.score for found in sorted(ranking, key=lambda found: found.index)]
        return scores, _n_tokens(llm, [body.query, *some])

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
    serving, client = serving_of(request), client_of(request)
    with await serving.models.lease(model) as lease:
        llm = lease.llm
        request.state.model = model

        async def parts() -> list[tuple[_T, int]]:
            steps = [partial(run, llm, texts[i : i + _TOGETHER]) for i in range(0, len(texts), _TOGETHER)]
            if llm.remote is not None:
                return [await in_own_thread(step) for step in steps]
            return [await serving.in_thread(step) for step in steps]

        made = await unless_disconnected(request, parts())
    n_tokens = sum(n for _, n in made)
    request.state.n_tokens = n_tokens
    client.charge(n_tokens)
    return [one for one, _ in made], n_tokens


def _n_tokens(llm: LLM, texts: Sequence[str | list[int]]) -> int:
    return sum(len(llm.tokenize(text)) if isinstance(text, str) else len(text) for text in texts)


def _written(vector: Vectors, is_base64: bool) -> Vectors | str:
    """Float32, little-endian, in base64; or as it is."""
    if is_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return vector
