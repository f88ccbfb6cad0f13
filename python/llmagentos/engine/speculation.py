"""Speculative decoding: guess the next tokens, compute them in one step, and keep those that were right.

Drafts are appended behind a request's last known token. The step gives logits for that token and for each draft, and
tokens are sampled from them one after the other, just as without drafts; a draft is kept only where it is the token
sampled there. So the output is the same to the bit, whatever is proposed (the idea is that of Leviathan et al. 2023,
"Fast inference from Transformers via speculative decoding", with equality for acceptance). What is decided here changes
only how fast it comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from llmagentos.engine.request import Request
from llmagentos.engine.schedule import Limits, Scheduled
from llmagentos.engine.step_times import StepTimes

MAX_DRAFTS = 15  # of one request in one step: with the token before them they fill a panel of 16
MAX_STREAMS = 4  # beyond these a step is bound by arithmetic, and a draft costs nearly what a token does
_LEAST_CHANCE = 0.05  # of a draft to be kept, from which on it is considered at all
_LEAST_GAIN = 1.05  # expected of a step with drafts, in tokens per second: estimates are only that


class Proposer(Protocol):
    """Guesses what follows requests. It may keep what it needs with a request, as `Request.drafting`."""

    @property
    def seconds_per_draft(self) -> float:
        """What proposing one token takes."""

    def chances(self, request: Request, most: int) -> Sequence[float]:
        """For each of up to `most` drafts, how likely it is right where those before it are. Cheap; asked each step."""

    def propose(self, counts: Sequence[tuple[Request, int]]) -> Sequence[Sequence[int]]:
        """At most so many tokens to follow each request, of its model's vocabulary."""

    def close(self) -> None:
        """Give all memory back."""


class Speculator:
    """Decides how many drafts each step verifies.

    Args:
        proposer: makes them.
        times: what steps cost.
    """

    def __init__(self, proposer: Proposer, times: StepTimes) -> None:
        self._proposer = proposer
        self._times = times

    def drafts(self, chunks: Sequence[Scheduled], limits: Limits) -> dict[Request, list[int]]:
        """Drafts for the requests of a step; none where they would not pay.

        That is also where a step computes prompts, which fill it, and for requests whose next token needs more than
        logits: beams, and answers in a given form.
        """
        if len(chunks) > MAX_STREAMS or not all(chunk.request.has_started for chunk in chunks):
            return {}
        likely = list[tuple[float, Request]]()  # that a draft is kept, and whose it is
        for chunk in chunks:
            request, chance_so_far = chunk.request, 1.0
            for chance in self._proposer.chances(request, _most_drafts(request)):
                chance_so_far *= chance
                if chance_so_far < _LEAST_CHANCE:
                    break
                likely.append((chance_so_far, request))
        if not likely:
            return {}
        likely.sort(key=lambda one: -one[0])  # stable: the drafts of a request stay in their order
        n_streams = len(chunks)  # each a token and a row of logits, or no row
        room = min(limits.batched_tokens, limits.logit_rows) - n_streams
        counts = Counter(request for _, request in likely[: self._best_number(n_streams, likely[: max(0, room)])])
        if not counts:
            return {}
        proposed = self._proposer.propose(list(counts.items()))
        return {request: list(tokens) for request, tokens in zip(counts, proposed, strict=True) if tokens}

    def record(self, n_streams: int, n_drafts: int, seconds: float) -> None:
        """Learn from a finished step that computed no prompt."""
        self._times.record(n_streams, n_drafts, seconds)

    def _best_number(self, n_streams: int, likely: Sequence[tuple[float, Request]]) -> int:
        """How many of the likeliest drafts give the most tokens per second."""
        alone, best_number, expected = self._times.alone(n_streams), 0, float(n_streams)
        proposal = 0.0 if alone is None else self._proposer.seconds_per_draft / alone
        best_rate = _LEAST_GAIN * expected
        for number, (chance, _) in enumerate(likely, 1):
            expected += chance
            rate = expected / (self._times.ratio(n_streams, number) + number * proposal)
            if rate > best_rate:
                best_number, best_rate = number, rate
        return best_number


def _most_drafts(request: Request) -> int:
    """None where a token is more than what is sampled; no more than there are tokens to come after the next one."""
    if request.group is not None or request.constraint is not None:
        return 0
    n_sampled = request.max_length - len(request.token_ids) - (request.forced_last is not None)
    return max(0, min(MAX_DRAFTS, n_sampled - 1))
