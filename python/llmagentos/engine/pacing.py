"""How much of a waiting prompt may join a step beside running streams."""

from __future__ import annotations

# Of an undisturbed step's time, what a step that also computes prompt tokens may take where no target is set.
DEFAULT_STRETCH = 2.7
LEAST_TOKENS = 4  # a prompt always advances: fewer would cost more than they spare
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

    def prompt_tokens(self, n_streams: int, most: int) -> int:
        """Prompt tokens for a step with this many streams, `most` at most."""
        if n_streams == 0 or most <= LEAST_TOKENS:
            return most
        alone = self._alone.get(n_streams.bit_length())
        if alone is None or not self._per_token:
            return LEAST_TOKENS
        room = (self._target if self._target is not None else DEFAULT_STRETCH * alone) - alone
        return max(LEAST_TOKENS, min(most, int(room / self._per_token)))


def _mean(before: float | None, new: float) -> float:
    return new if before is None else before + _WEIGHT * (new - before)
