"""What the engine asks of a sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request


@dataclass(frozen=True, slots=True)
class Continuation:
    """A token that may follow.

    Attributes:
        logprob: natural log of its raw probability.
        score: the same after bias, penalties and bans, which work on log probabilities here.
    """

    token_id: int
    logprob: float
    score: float


@dataclass(frozen=True, slots=True)
class Continuations:
    """What may follow a sequence.

    Attributes:
        best: highest score first.
        top: the raw distribution's most likely (token id, natural log probability) pairs, as `TokenLogprob.top`.
    """

    best: Sequence[Continuation]
    top: tuple[tuple[int, float], ...]


class Sampler(Protocol):
    """Chooses tokens and measures given ones. Nothing it returns for a row depends on the other rows."""

    def sample(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int]
    ) -> list[tuple[int, TokenLogprob | None]]:
        """The next token of each request, from row `logit_rows[i]` of `logits` [R, vocab].

        Several may read one row: completions of one prompt begin from the same.
        """

    def verify(
        self,
        logits: NDArray[np.float32],
        requests: Sequence[Request],
        logit_rows: Sequence[int],
        drafts: Sequence[Sequence[int]],
    ) -> list[list[tuple[int, TokenLogprob | None]]]:
        """The next tokens of each request, sampled one by one for as long as they are its drafts.

        Request i reads row `logit_rows[i]` of `logits` [R, vocab], and after draft j the (j + 1)th row after that: one
        token more than drafts that came true. Each token is what `sample` would give for a request with those before.
        """

    def continuations(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int], counts: Sequence[int]
    ) -> list[Continuations]:
        """The `counts[i]` best tokens to follow request i, from row `logit_rows[i]` of `logits` [R, vocab].

        Fewer where fewer are allowed, but at least one.
        """

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        """How likely one given token per row of `logits` [R, vocab] is, and the `n_top` most likely ones."""
