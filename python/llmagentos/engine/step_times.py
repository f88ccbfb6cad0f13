"""How much longer a step takes with drafts to verify."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_PACE_WEIGHT = 0.3  # of the newest step in how long steps take now
_COST_WEIGHT = 0.05  # and in what drafts cost relative to that, once some were seen
_SETTLED = 5  # steps with about as many drafts from which on their cost is known
_FADING = 0.002  # per step without drafts, of what was learned about steps with some


@dataclass(slots=True)
class _Cost:
    """Of about so many drafts.

    Attributes:
        share: of the typical ratio, what the ratio is here.
        n_seen: steps that this was learned from.
    """

    share: float = 1.0
    n_seen: int = 0


class StepTimes:
    """Learns the times of steps without prompts, by their numbers of streams and of drafts.

    Decisions rest on ratios. A machine that is shared is slower for seconds at a time, whatever a step holds; so how
    long steps take now, which follows the newest ones, is kept apart from how much longer those with drafts take. What
    was learned of these fades slowly, so that what was measured at a bad time is tried again.
    """

    def __init__(self) -> None:
        self._alone: dict[int, float] = {}
        self._costs: dict[tuple[int, int], _Cost] = {}

    def alone(self, n_streams: int) -> float | None:
        """Seconds that a step without drafts takes now; None where it is not known yet."""
        return self._alone.get(n_streams)

    def ratio(self, n_streams: int, n_drafts: int) -> float:
        """The time of a step with drafts, in times of one without."""
        cost = self._costs.get((n_streams, _class_of(n_drafts)))
        return _typical_ratio(n_streams, n_drafts) * (1.0 if cost is None else cost.share)

    def record(self, n_streams: int, n_drafts: int, seconds: float) -> None:
        """Learn from a finished step."""
        alone, ratio = self._alone.get(n_streams), self.ratio(n_streams, n_drafts) if n_drafts > 0 else 1.0
        if alone is None:
            self._alone[n_streams] = seconds / ratio
            return
        # A step that was held up by something else says little: it counts as twice the usual at most.
        surprise = min(2.0, max(0.5, seconds / (alone * ratio))) - 1.0
        if n_drafts == 0 or self._learn_cost(n_streams, n_drafts, surprise):
            self._alone[n_streams] = alone * (1.0 + _PACE_WEIGHT * surprise)
        if n_drafts == 0 and self._costs:
            self._fade(n_streams)

    def _learn_cost(self, n_streams: int, n_drafts: int, surprise: float) -> bool:
        """Returns whether the cost was known well enough before for the surprise to be the machine's."""
        cost = self._costs.setdefault((n_streams, _class_of(n_drafts)), _Cost())
        cost.share *= 1.0 + max(_COST_WEIGHT, 1.0 / (cost.n_seen + 2)) * surprise
        cost.n_seen += 1
        return cost.n_seen > _SETTLED

    def _fade(self, n_streams: int) -> None:
        for (streams, _), cost in self._costs.items():
            if streams == n_streams:
                cost.share += _FADING * (1.0 - cost.share)


def _class_of(n_drafts: int) -> int:
    """Numbers that are learned about together: 1, 2, 3, 4 and 5, 6 and 7, 8 to 11, and so on."""
    if n_drafts < 4:
        return n_drafts
    n_bits = n_drafts.bit_length()
    return 2 * n_bits + (n_drafts >> (n_bits - 2) & 1)


@cache
def _typical_ratio(n_streams: int, n_drafts: int) -> float:
    return _typical_time(n_streams + n_drafts) / _typical_time(n_streams)


def _typical_time(n_tokens: int) -> float:
    """Of a step, in steps of one token, as measured on two cores with AVX2: few tokens hide behind the weights."""
    return (1.0, 1.05, 1.15, 1.2)[n_tokens - 1] if n_tokens <= 4 else 1.2 + 0.175 * (n_tokens - 4)
