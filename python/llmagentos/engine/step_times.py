"""How much longer a step takes with drafts to verify."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_PACE_WEIGHT = 0.3  # of the newest step in how long steps take now
_RATIO_WEIGHT = 0.05  # and in what drafts cost relative to that, once some were seen
_SETTLED = 5  # steps with as many drafts from which on their ratio is known
_FADING = 0.002  # per step without drafts, of the ratios learned


@dataclass(slots=True)
class _Ratio:
    value: float
    n_seen: int = 0


class StepTimes:
    """Learns the times of steps without prompts, by their numbers of streams and of drafts.

    Decisions rest on ratios. A machine that is shared is slower for seconds at a time, whatever a step holds; so how
    long steps take now, which follows the newest ones, is kept apart from how much longer those with drafts take. What
    was learned of these fades slowly, so that a ratio that was measured at a bad time is tried again.
    """

    def __init__(self) -> None:
        self._alone: dict[int, float] = {}
        self._ratios: dict[tuple[int, int], _Ratio] = {}

    def alone(self, n_streams: int) -> float | None:
        """Seconds that a step without drafts takes now; None where it is not known yet."""
        return self._alone.get(n_streams)

    def ratio(self, n_streams: int, n_drafts: int) -> float:
        """The time of a step with drafts, in times of one without."""
        ratio = self._ratios.get((n_streams, n_drafts))
        return _typical(n_streams, n_drafts) if ratio is None else ratio.value

    def record(self, n_streams: int, n_drafts: int, seconds: float) -> None:
        """Learn from a finished step."""
        alone, ratio = self._alone.get(n_streams), self.ratio(n_streams, n_drafts) if n_drafts > 0 else 1.0
        if alone is None:
            self._alone[n_streams] = seconds / ratio
            return
        # A step that was held up by something else says little: it counts as twice the usual at most.
        surprise = min(2.0, max(0.5, seconds / (alone * ratio))) - 1.0
        if n_drafts == 0 or self._learn_ratio(n_streams, n_drafts, surprise):
            self._alone[n_streams] = alone * (1.0 + _PACE_WEIGHT * surprise)
        if n_drafts == 0 and self._ratios:
            self._fade(n_streams)

    def _learn_ratio(self, n_streams: int, n_drafts: int, surprise: float) -> bool:
        """Returns whether the ratio was known well enough before for the surprise to be the machine's."""
        ratio = self._ratios.setdefault((n_streams, n_drafts), _Ratio(_typical(n_streams, n_drafts)))
        ratio.value *= 1.0 + max(_RATIO_WEIGHT, 1.0 / (ratio.n_seen + 2)) * surprise
        ratio.n_seen += 1
        return ratio.n_seen > _SETTLED

    def _fade(self, n_streams: int) -> None:
        for (streams, n_drafts), ratio in self._ratios.items():
            if streams == n_streams:
                ratio.value += _FADING * (_typical(streams, n_drafts) - ratio.value)


@cache
def _typical(n_streams: int, n_drafts: int) -> float:
    """The ratio at first, as measured on a CPU with AVX2."""
    return _time(n_streams + n_drafts) / _time(n_streams)


def _time(n_tokens: int) -> float:
    """Of a step, in steps of one token: a second one hides behind the weights that are read, more do not."""
    return (1.0, 1.2)[n_tokens - 1] if n_tokens <= 2 else 1.5 + 0.09 * n_tokens
