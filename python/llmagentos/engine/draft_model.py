"""Drafts from a second, smaller model of the same vocabulary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request, Service
from llmagentos.sampling_params import SamplingParams

_WEIGHT = 0.1  # of the newest measurement in a running mean
_FIRST_CHANCE = 0.6  # that the models agree, before anything is known of a request
_PROBE = 3  # drafts that try again after a while without
_FIRST_REST, _LONGEST_REST = 16, 512  # tokens between two tries; twice as many after each that failed
_CAUGHT_UP = 64  # tokens computed before a proposal that still count as its cost; more is a prompt


class DraftModelProposer:
    """Implements `Proposer` with an engine of its own.

    A draft is sampled as the token itself will be, with its params, seed and index: where the two models' distributions
    are alike, so are the tokens drawn from them. The engine's prefix cache keeps all but the last block of a request's
    tokens from one proposal to the next.

    Args:
        engine: of the smaller model; it is closed with this.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.seconds_per_draft = 0.0

    def chances(self, request: Request, most: int) -> Sequence[float]:
        most = min(most, self._engine.context_length - len(request.token_ids))
        if most <= 0:
            return ()
        agreement = _agreement(request)
        agreement.compare(request.token_ids)
        if agreement.n_rested >= agreement.rest:
            return [1.0] * min(most, _PROBE)
        return [agreement.chance] * most

    def propose(self, counts: Sequence[tuple[Request, int]]) -> Sequence[Sequence[int]]:
        copies = [_copy(request, n) for request, n in counts]
        began = time.monotonic()
        self._engine.run(copies)
        seconds = time.monotonic() - began
        if all(copy.n_known - copy.n_cached <= _CAUGHT_UP for copy in copies):
            cost = seconds / sum(n for _, n in counts)
            self.seconds_per_draft += (_WEIGHT if self.seconds_per_draft else 1.0) * (cost - self.seconds_per_draft)
        proposed = []
        for (request, _), copy in zip(counts, copies, strict=True):
            drafts = copy.token_ids[len(request.token_ids) :]
            _agreement(request).proposed(len(request.token_ids), drafts)
            proposed.append(drafts)
        return proposed

    def close(self) -> None:
        self._engine.close()


class _Agreement:
    """How often a request's next token is the draft.

    Attributes:
        chance: that it is, as a running mean.
        rest: tokens that may pass without a proposal before another try.
        n_rested: tokens since the last proposal.
    """

    def __init__(self, params: SamplingParams, n_tokens: int) -> None:
        self.params = replace(params, logprobs=None, prompt_logprobs=None, n=1, best_of=None)
        self.chance = _FIRST_CHANCE
        self.rest = _FIRST_REST
        self.n_rested = 0
        self._first = n_tokens  # position of the first of the last drafts
        self._drafts: list[int] = []

    def proposed(self, first: int, drafts: list[int]) -> None:
        self._first, self._drafts, self.n_rested = first, drafts, 0

    def compare(self, token_ids: Sequence[int]) -> None:
        """See which of the last drafts came true, as far as the text goes."""
        came = token_ids[self._first :]
        self.n_rested = len(came)
        if not self._drafts or not came:
            return
        n_right = 0
        for draft, token in zip(self._drafts, came, strict=False):
            self.chance += _WEIGHT * ((draft == token) - self.chance)
            if draft != token:
                break
            n_right += 1
        self.rest = _FIRST_REST if n_right > 0 else min(2 * self.rest, _LONGEST_REST)
        self._drafts = []


def _agreement(request: Request) -> _Agreement:
    agreement = request.drafting
    if not isinstance(agreement, _Agreement):
        agreement = request.drafting = _Agreement(request.params, len(request.token_ids))
    return agreement


def _copy(request: Request, n: int) -> Request:
    """A request for the draft model that goes on from where this one is."""
    copy = Request(
        request.token_ids[: request.n_prompt],
        _agreement(request).params,
        len(request.token_ids) + n,
        end_ids=request.end_ids,
        service=Service(salt=request.root),
    )
    copy.token_ids = list(request.token_ids)
    copy.seed = request.seed
    return copy
