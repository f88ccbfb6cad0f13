"""How far one model's logits are from a reference's: the numbers of docs/accuracy.md.

numpy only, so that the package's tests, llama.cpp's environment and torch's environment all use the same code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]


def log_softmax(logits: Logits) -> NDArray[np.float32]:
    """Natural log of the softmax of each row; sums are taken in float64."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    total = np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64)
    result: NDArray[np.float32] = shifted - np.log(total).astype(np.float32)
    return result


def top_two(logits: Logits) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Argmax of each row, and by how much it leads the runner-up."""
    best = logits.argmax(axis=-1)
    pair = np.partition(logits, -2, axis=-1)[..., -2:]
    return best, pair[..., 1] - pair[..., 0]


@dataclass
class Divergence:
    """Sums over positions; feed it rows with `add`, in any number of pieces."""

    positions: int = 0
    scored: int = 0
    kl_sum: float = 0.0
    kl_max: float = 0.0
    same_argmax: int = 0
    reference_nll: float = 0.0
    candidate_nll: float = 0.0
    max_difference: float = 0.0
    max_logit: float = 0.0
    flips: list[float] = field(default_factory=list)

    def add(self, reference: Logits, candidate: Logits, next_ids: NDArray[np.int64]) -> None:
        """Rows [n, vocab] of both, and the token that follows each row (-1 where the text ends)."""
        reference_log = log_softmax(reference)
        candidate_log = log_softmax(candidate)
        kl = np.einsum("nv,nv->n", np.exp(reference_log), reference_log - candidate_log, dtype=np.float64)
        best, margin = top_two(reference)
        same = best == candidate.argmax(axis=-1)
        rows = np.flatnonzero(next_ids >= 0)
        self.positions += len(reference)
        self.scored += len(rows)
        self.kl_sum += float(kl.sum())
        self.kl_max = max(self.kl_max, float(kl.max()))
        self.same_argmax += int(same.sum())
        self.flips.extend(float(value) for value in margin[~same])
        self.reference_nll -= float(reference_log[rows, next_ids[rows]].sum(dtype=np.float64))
        self.candidate_nll -= float(candidate_log[rows, next_ids[rows]].sum(dtype=np.float64))
        self.max_difference = max(self.max_difference, float(np.abs(reference - candidate).max()))
        self.max_logit = max(self.max_logit, float(np.abs(reference).max()))

    @property
    def mean_kl(self) -> float:
        """Mean over positions of KL(reference || candidate), in nats."""
        return self.kl_sum / self.positions

    @property
    def top1(self) -> float:
        """Share of positions with the reference's argmax."""
        return self.same_argmax / self.positions

    @property
    def reference_perplexity(self) -> float:
        return float(np.exp(self.reference_nll / self.scored))

    @property
    def perplexity(self) -> float:
        return float(np.exp(self.candidate_nll / self.scored))

    @property
    def relative_difference(self) -> float:
        """max |difference of logits| / max |reference logit|."""
        return self.max_difference / self.max_logit

    @property
    def widest_flip(self) -> float:
        """The reference's top-two margin at the surest position where the argmax differs; 0 if none does."""
        return max(self.flips, default=0.0)

    def summary(self) -> dict[str, float]:
        return {
            "positions": self.positions,
            "mean_kl": self.mean_kl,
            "max_kl": self.kl_max,
            "top1": self.top1,
            "perplexity": self.perplexity,
            "reference_perplexity": self.reference_perplexity,
            "max_relative_difference": self.relative_difference,
            "widest_flip_margin": self.widest_flip,
        }
