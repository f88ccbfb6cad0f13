"""Wrong answers that a model finds likely in place of the right one: it ranks terms, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from questions import BLANK, Question

MOST_TERMS = 12  # that are compared; each takes a pass of the model over the question


class Scorer(Protocol):
    """What tells how likely a text is, such as an `LLM`."""

    def score(self, text: str) -> NDArray[np.float32]: ...


class LikelyDistractors:
    """Ranks terms by the mean log probability of the question's sentence with them in its blank.

    Args:
        model: a model that runs here, such as `LLM()`.

    Raises:
        LLMAgentOSError: the model does not score texts, such as one of a service.
    """

    def __init__(self, model: Scorer) -> None:
        model.score("A question.")  # one that cannot is told now, rather than at the first hint
        self._model = model

    def __call__(self, question: Question, terms: Sequence[str]) -> list[str]:
        """The terms, the likeliest first; those beyond MOST_TERMS are left out."""
        return sorted(terms[:MOST_TERMS], key=lambda term: -self._likelihood(question, term))

    def _likelihood(self, question: Question, term: str) -> float:
        prompt = question.prompt
        text = prompt.replace(BLANK, term, 1) if BLANK in prompt else f"{prompt} {term}"
        return float(np.mean(self._model.score(text)))
