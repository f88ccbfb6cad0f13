"""How much of a waiting prompt may join a step beside running streams."""

from __future__ import annotations

from collections.abc import Sequence

# Of an undisturbed step's time, what a step that also computes prompt tokens may take where no target is set.
DEFAULT_STRETCH = 2.7
LEAST_TOKENS = 4  # a prompt always advances: fewer would cost more than they spare
# What prompts may take at once that end with it, where no target is set: one longer step disturbs the streams less than
# many stretched ones, and the first token comes sooner.
BURST_SECONDS = 0.15
_WEIGHT = 0.1  # of the newest measurement in a running mean


class Pace:
    """Learns from each step's time what prompt tokens cost, and keeps the streams' next tokens on time.

    A step's time is taken as that of its streams alone, by their number, plus a cost for each prompt token. What is
    chosen changes when tokens come, never which: results do not depend on how a prompt is cut.

    Args:
        target: seconds between two tokens of a stream; None allows DEFAULT_STRETCH times what it takes undisturbed.
    """

    def __init__(self, target: float | None = None) -> None:
        self._target = target
        self._alone: dict[int, float] = {}  # by number of streams, in powers of two
        self._per_token: float | None = None

    def record(self, n_streams: int, n_prompt_tokens: int, seconds: float) -> None:
        """Learn from a finished step."""
        size = n_streams.bit_length()
        if n_prompt_tokens == 0:
            self._alone[size] = _mean(self._alone.get(size), seconds)
        elif n_streams == 0 or size in self._alone:
            cost = max(0.0, seconds - self._alone.get(size, 0.0)) / n_prompt_tokens
            self._per_token = _mean(self._per_token, cost)

    def prompt_tokens(self, n_streams: int, prompts: Sequence[int], most: int) -> int:
        """Prompt tokens for a step with this many streams, `most` at most.

        Args:
            prompts: the tokens that each prompt has left.
        """
        if n_streams == 0 or most <= LEAST_TOKENS:
            return most
        if not self._alone or not self._per_token:
            return LEAST_TOKENS
        alone = self._alone_of(n_streams)
        room = (self._target if self._target is not None else DEFAULT_STRETCH * alone) - alone
        n_tokens = max(LEAST_TOKENS, int(room / self._per_token))
        if self._target is None:
            burst, n_ending = int(BURST_SECONDS / self._per_token), 0
            for n_left in sorted(prompts):
                if n_ending + n_left > burst:
                    break
                n_ending += n_left
            n_tokens = max(n_tokens, n_ending)
        return min(most, n_tokens)

    def _alone_of(self, n_streams: int) -> float:
        """By the nearest number of streams that is known, a smaller one if there is one."""
        size = n_streams.bit_length()
        return self._alone[max((known for known in self._alone if known <= size), default=min(self._alone))]


def _mean(before: float | None, new: float) -> float:
    return new if before is None else before + _WEIGHT * (new - before)
