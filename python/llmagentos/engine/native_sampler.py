"""The sampler of the C++ core: one native call for all rows of a step."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from llmagentos._core import sampler as native
from llmagentos._core.runtime import ThreadPool
from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request
from llmagentos.engine.sampler import Continuation, Continuations
from llmagentos.engine.sequence_breakers import SequenceBreakers, Vocabulary
from llmagentos.sampling_params import SamplingParams

# Larger than any logit, so that a token with this bias is the one taken.
_CERTAIN = 1e30


class NativeSampler:
    """Implements `Sampler`, sharing rows out over the backend's threads.

    Args:
        pool: the backend's threads; None computes in the calling one.
        vocabulary: tells which tokens contain a DRY sequence breaker; without it none does.
        missing_ids: ids that stand for no token, so that they are never drawn. A grammar's mask must hold none either.
    """

    def __init__(
        self, pool: ThreadPool | None, vocabulary: Vocabulary | None = None, missing_ids: Collection[int] = ()
    ) -> None:
        self._pool = pool
        self._allowed = (
            None if vocabulary is None or not missing_ids else _mask_without(missing_ids, vocabulary.n_vocab)
        )
        self._breakers = None if vocabulary is None else SequenceBreakers(vocabulary)

    def sample(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int]
    ) -> list[tuple[int, TokenLogprob | None]]:
        rows = [self._row(request) for request in requests]
        results = native.sample(logits, rows, self._pool, logit_rows)
        return [_sampled(one) for one in results]

    def verify(
        self,
        logits: NDArray[np.float32],
        requests: Sequence[Request],
        logit_rows: Sequence[int],
        drafts: Sequence[Sequence[int]],
    ) -> list[list[tuple[int, TokenLogprob | None]]]:
        rows = [self._row(request) for request in requests]
        results = native.verify(logits, rows, drafts, self._pool, logit_rows)
        return [[_sampled(one) for one in of_request] for of_request in results]

    def continuations(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int], counts: Sequence[int]
    ) -> list[Continuations]:
        rows = [self._row(request) for request in requests]
        found = native.continuations(logits, rows, counts, self._pool, logit_rows)
        return [
            Continuations([Continuation(c.token_id, c.logprob, c.score) for c in one.best], tuple(one.top))
            for one in found
        ]

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        # A forced token comes back with its log probability from the raw logits: the same reduction, to the bit, as
        # the logprobs of generation.
        rows = [native.SamplerRow(temperature=0.0, logit_bias={token: _CERTAIN}, logprobs=n_top) for token in token_ids]
        return [_logprob(result) for result in native.sample(logits, rows, self._pool)]

    def _row(self, request: Request) -> native.SamplerRow:
        """The request's settings with its history so far, which the row keeps from one token to the next."""
        row = request.sampler_state
        if not isinstance(row, native.SamplerRow):
            row = request.sampler_state = self._new_row(request)
        row.token_index = request.n_output
        if request.params.uses_history:
            # By length: one token more as a rule, several or fewer where tokens were accepted or taken back together.
            row.sync_output(request.token_ids, request.n_prompt)
        return row

    def _new_row(self, request: Request) -> native.SamplerRow:
        params = request.params
        row = native.SamplerRow(
            temperature=params.temperature,
            top_k=params.top_k,
            top_p=params.top_p,
            min_p=params.min_p,
            typical_p=params.typical_p,
            seed=request.seed,
            repetition_penalty=params.repetition_penalty,
            presence_penalty=params.presence_penalty,
            frequency_penalty=params.frequency_penalty,
            logit_bias=dict(params.logit_bias or {}),
            no_repeat_ngram_size=params.no_repeat_ngram_size,
            min_tokens=max(0, request.min_tokens),
            logprobs=0 if params.logprobs is None and params.best_of else params.logprobs,
        )
        if request.constraint is not None:
            row.allowed = request.constraint.allowed  # computed anew in place for each token
        else:
            row.allowed = self._allowed
        if request.min_tokens > 0:
            row.end_ids = sorted(request.end_ids)
        if params.uses_history:
            row.prompt_ids = np.array(request.token_ids[: request.n_prompt], np.int32)
        if params.dry_multiplier > 0:
            self._set_dry(row, params)
        return row

    def _set_dry(self, row: native.SamplerRow, params: SamplingParams) -> None:
        row.dry_multiplier = params.dry_multiplier
        row.dry_base = params.dry_base
        row.dry_allowed_length = params.dry_allowed_length
        row.dry_range = params.dry_range
        if self._breakers is not None and params.dry_sequence_breakers:
            row.dry_breakers = self._breakers.mask(tuple(params.dry_sequence_breakers))


def _mask_without(ids: Collection[int], n_vocab: int) -> NDArray[np.uint32]:
    """All tokens but these, as `SamplerRow.allowed` has them."""
    is_allowed = np.zeros(-(-n_vocab // 32) * 32, np.bool_)
    is_allowed[:n_vocab] = True
    is_allowed[list(ids)] = False
    return np.packbits(is_allowed, bitorder="little").view("<u4").astype(np.uint32, copy=False)


def _sampled(sampled: native.Sampled) -> tuple[int, TokenLogprob | None]:
    return sampled.token_id, None if sampled.logprob is None else _logprob(sampled)


def _logprob(sampled: native.Sampled) -> TokenLogprob:
    return TokenLogprob(sampled.token_id, cast(float, sampled.logprob), tuple(sampled.top))
