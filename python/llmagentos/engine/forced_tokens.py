"""Tokens that requests get whatever the logits say: how some encoder-decoder models begin and end their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request
from llmagentos.engine.sampler import Continuation, Continuations, Sampler

_T = TypeVar("_T")


class ForcingSampler:
    """Implements `Sampler`: gives requests their forced tokens, and asks another sampler for all others.

    As in transformers, a forced token adds nothing to the score of a beam: no other could have come.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def sample(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int]
    ) -> list[tuple[int, TokenLogprob | None]]:
        def others(free: list[int]) -> list[tuple[int, TokenLogprob | None]]:
            return self._sampler.sample(logits, [requests[i] for i in free], [logit_rows[i] for i in free])

        return _divided(requests, others, lambda i, token: self._forced(logits[logit_rows[i]], requests[i], token))

    def verify(
        self,
        logits: NDArray[np.float32],
        requests: Sequence[Request],
        logit_rows: Sequence[int],
        drafts: Sequence[Sequence[int]],
    ) -> list[list[tuple[int, TokenLogprob | None]]]:
        def others(free: list[int]) -> list[list[tuple[int, TokenLogprob | None]]]:
            chosen = [requests[i] for i in free], [logit_rows[i] for i in free], [drafts[i] for i in free]
            return self._sampler.verify(logits, *chosen)

        return _divided(requests, others, lambda i, token: [self._forced(logits[logit_rows[i]], requests[i], token)])

    def continuations(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int], counts: Sequence[int]
    ) -> list[Continuations]:
        def others(free: list[int]) -> list[Continuations]:
            chosen = [requests[i] for i in free], [logit_rows[i] for i in free], [counts[i] for i in free]
            return self._sampler.continuations(logits, *chosen)

        def forced(i: int, token: int) -> Continuations:
            raw = self._raw(logits[logit_rows[i]], requests[i], token)
            return Continuations([Continuation(token, raw.logprob, 0.0)], raw.top)

        return _divided(requests, others, forced)

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        return self._sampler.score(logits, token_ids, n_top)

    def _forced(self, row: NDArray[np.float32], request: Request, token: int) -> tuple[int, TokenLogprob | None]:
        needs_logprob = request.params.logprobs is not None or request.params.best_of is not None
        return token, self._raw(row, request, token) if needs_logprob else None

    def _raw(self, row: NDArray[np.float32], request: Request, token: int) -> TokenLogprob:
        return self._sampler.score(row[None], [token], request.params.logprobs or 0)[0]


def _divided(
    requests: Sequence[Request], others: Callable[[list[int]], list[_T]], forced: Callable[[int, int], _T]
) -> list[_T]:
    """For each request what its forced token makes, or what `others` says of those without one, by their indices."""
    tokens = [request.forced_token for request in requests]
    free = [i for i, token in enumerate(tokens) if token is None]
    rest = iter(others(free) if free else ())
    return [next(rest) if token is None else forced(i, token) for i, token in enumerate(tokens)]
