"""Proposers whose guesses are known, and engines that try all of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.engine.speculation import Proposer, Speculator
from llmagentos.engine.step_times import StepTimes

from .engines import engine_on
from .fake_backend import FakeBackend

Guess: TypeAlias = "Callable[[list[int], int], Sequence[int]]"


class FreeTimes(StepTimes):
    """A machine on which a step takes as long as any other, so that every draft is worth a try."""

    def alone(self, n_streams: int) -> float | None:
        return None

    def ratio(self, n_streams: int, n_drafts: int) -> float:
        return 1.0


class Guesses:
    """Proposes what a function of the tokens so far, and of how many are wanted, gives."""

    def __init__(self, guess: Guess, chance: float = 1.0, seconds_per_draft: float = 0.0) -> None:
        self.guess = guess
        self.chance = chance
        self.seconds_per_draft = seconds_per_draft
        self.closed = False

    def chances(self, request: Request, most: int) -> Sequence[float]:
        return [self.chance] * most

    def propose(self, counts: Sequence[tuple[Request, int]]) -> Sequence[Sequence[int]]:
        return [self.guess(request.token_ids, n) for request, n in counts]

    def close(self) -> None:
        self.closed = True


def try_all(engine: Engine, proposer: Proposer) -> Engine:
    """Let an engine try out all that is proposed, whatever its steps take."""
    engine._stepper._speculator = Speculator(proposer, FreeTimes())
    return engine


def speculating(backend: FakeBackend, guess: Guess, **options: Any) -> Engine:
    return try_all(engine_on(backend, **options), Guesses(guess))


def knowing(texts: Sequence[list[int]], n_right: int) -> Guess:
    """Guesses of which, at every place, the first `n_right` are what the texts go on with."""

    def guess(token_ids: list[int], n: int) -> list[int]:
        text = next((text for text in texts if text[: len(token_ids)] == token_ids), token_ids)
        rest = text[len(token_ids) :][:n]
        return [token if i < n_right else int(token == 0) for i, token in enumerate(rest)]

    return guess


def anything(seed: int, n_vocab: int) -> Guess:
    generator = np.random.default_rng(seed)
    return lambda token_ids, n: generator.integers(0, n_vocab, generator.integers(0, n + 1)).tolist()
