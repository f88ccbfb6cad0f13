"""What the engine asks of a sampler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Request


class Sampler(Protocol):
    """Chooses tokens and measures given ones. Nothing it returns for a row depends on the other rows."""

    def sample(
        self, logits: NDArray[np.float32], requests: Sequence[Request], logit_rows: Sequence[int] | None = None
    ) -> list[tuple[int, TokenLogprob | None]]:
        """The next token of each request, from its row of `logits` [R, vocab].

        Request i reads row `logit_rows[i]`, or row i without them; completions of one prompt begin from one row.
        """

    def score(self, logits: NDArray[np.float32], token_ids: Sequence[int], n_top: int) -> list[TokenLogprob]:
        """How likely one given token per row of `logits` [R, vocab] is, and the `n_top` most likely ones."""
