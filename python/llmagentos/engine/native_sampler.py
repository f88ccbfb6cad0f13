"""The sampler of the C++ core: one native call for all rows of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from llmagentos._core import sampler as native
from llmagentos._core.runtime import ThreadPool
from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request

# Larger than any logit, so that a token with this bias is the one taken.
_CERTAIN = 1e30


class NativeSampler:
    """Implements `Sampler`, sharing rows out over the backend's threads."""

    def __init__(self, pool: ThreadPool | None) -> None:
        self._pool = pool

    def sample(self, logits: NDArray[np.float32], requests: Sequence[Request]) -> list[tuple[int, TokenLogprob | None]]:
        results = native.sample(_masked(logits, requests), [_row(request) for request in requests], self._pool)
        return [(r.token_id, None if r.logprob is None else _logprob(r)) for r in results]

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        # A forced token comes back with its log probability from the raw logits: the same reduction, to the bit, as
        # the logprobs of generation.
        rows = [native.SamplerRow(temperature=0.0, logit_bias={token: _CERTAIN}, logprobs=n_top) for token in token_ids]
        return [_logprob(result) for result in native.sample(logits, rows, self._pool)]


def _masked(logits: NDArray[np.float32], requests: Sequence[Request]) -> NDArray[np.float32]:
    """The logits, those of tokens that a request's constraint forbids at -infinity."""
    if all(request.constraint is None for request in requests):
        return logits
    logits = logits.copy()
    for row, request in zip(logits, requests, strict=True):
        if request.constraint is not None:
            bits = request.constraint.allowed.view(np.uint8)
            row[np.unpackbits(bits, count=len(row), bitorder="little") == 0] = -np.inf
    return logits


def _logprob(sampled: native.Sampled) -> TokenLogprob:
    return TokenLogprob(sampled.token_id, cast(float, sampled.logprob), tuple(sampled.top))


def _row(request: Request) -> native.SamplerRow:
    row = request.sampler_state
    if not isinstance(row, native.SamplerRow):
        row = request.sampler_state = _new_row(request)
    row.token_index = request.n_output
    if request.params.uses_penalties:
        row.prompt_ids = np.array(request.token_ids[: request.n_prompt], np.int32)
        row.output_ids = np.array(request.token_ids[request.n_prompt :], np.int32)
    return row


def _new_row(request: Request) -> native.SamplerRow:
    params = request.params
    return native.SamplerRow(
        temperature=params.temperature,
        top_k=params.top_k,
        top_p=params.top_p,
        min_p=params.min_p,
        seed=request.seed,
        repetition_penalty=params.repetition_penalty,
        presence_penalty=params.presence_penalty,
        frequency_penalty=params.frequency_penalty,
        logit_bias=dict(params.logit_bias or {}),
        logprobs=0 if params.logprobs is None and params.best_of else params.logprobs,
    )
