"""What the logits of a batch say: its tokens, what may follow its beams, and scores of its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import TokenLogprob
from llmagentos.engine.batch import Step
from llmagentos.engine.each_alone import OrError, each_alone
from llmagentos.engine.sampler import Continuations, Sampler

Sampled: TypeAlias = "tuple[int, TokenLogprob | None]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of each request what it gets, or the error that ends it alone.

    Attributes:
        tokens: of each of step.sampled: one, and one more for each draft that came true.
        found: of each of step.searched.
        scores: of each of step.scored.
    """

    step: Step
    tokens: list[OrError[list[Sampled]]]
    found: list[OrError[Continuations]]
    scores: list[OrError[list[TokenLogprob]]]


def outcome_of(sampler: Sampler, step: Step, logits: NDArray[np.float32]) -> Outcome:
    """Sample and score all that the step asks for."""
    scores = _scores(sampler, step, logits)
    return Outcome(step, _sampled(sampler, step, logits), _found(sampler, step, logits), scores)


def _sampled(sampler: Sampler, step: Step, logits: NDArray[np.float32]) -> list[OrError[list[Sampled]]]:
    """The new tokens of each of step.sampled: one, and one more for each draft that came true."""

    def compute(chosen: Sequence[int]) -> list[list[Sampled]]:
        takers = [step.sampled[index] for index in chosen]
        rows, requests = [row for row, _ in takers], [request for _, request in takers]
        if step.drafts:
            drafts = [step.drafts.get(request, ()) for request in requests]
            return sampler.verify(logits[: step.n_sampled_rows], requests, rows, drafts)
        return [[token] for token in sampler.sample(logits[: step.n_sampled_rows], requests, rows)]

    return each_alone(len(step.sampled), compute) if step.sampled else []


def _found(sampler: Sampler, step: Step, logits: NDArray[np.float32]) -> list[OrError[Continuations]]:
    def compute(chosen: Sequence[int]) -> list[Continuations]:
        beams = [step.searched[index] for index in chosen]
        rows, requests = [row for row, _ in beams], [request for _, request in beams]
        counts = [request.group.n_continuations for request in requests if request.group is not None]
        return sampler.continuations(logits[: step.n_sampled_rows], requests, rows, counts)

    return each_alone(len(step.searched), compute) if step.searched else []


def _scores(sampler: Sampler, step: Step, logits: NDArray[np.float32]) -> list[OrError[list[TokenLogprob]]]:
    def score(index: int) -> list[TokenLogprob]:
        first_row, chunk = step.scored[index]
        request, positions = chunk.request, chunk.scored
        targets = request.token_ids[positions.start + 1 : positions.stop + 1]
        rows = logits[first_row : first_row + len(positions)]
        return sampler.score(rows, targets, request.prompt_logprobs or 0)

    return each_alone(len(step.scored), lambda chosen: [score(index) for index in chosen]) if step.scored else []
