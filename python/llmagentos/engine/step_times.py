"""How much longer a step takes with drafts to verify."""

from __future__ import annotations

from dataclasses import dataclass

_PACE_WEIGHT = 0.3  # of the newest step in the machine's pace now
_SIZE_WEIGHT = 0.05  # and in what steps of its size cost relative to others, once some were seen
_SETTLED = 5  # steps of a size from which on it tells something about the pace
_FADING = 0.002  # per step without drafts, of what was learned about steps with some


@dataclass(slots=True)
class _Size:
    relative: float
    n_seen: int = 0


class StepTimes:
    """Learns the times of steps without prompts, by their numbers of streams and of drafts.

    Decisions rest on ratios. A machine that is shared is slower for seconds at a time, whatever a step holds; so its
    pace, which follows the newest steps, is kept apart from what sizes cost relative to each other. What was learned of
    sizes with drafts fades slowly, so that one measured at a bad time is tried again.
    """

    def __init__(self) -> None:
        self._sizes: dict[tuple[int, int], _Size] = {}
        self._unit: float | None = None

    @property
    def unit(self) -> float | None:
        """Seconds that a step of one stream takes now; None before the first step."""
        return self._unit

    def relative(self, n_streams: int, n_drafts: int) -> float:
        """The time of a step, in steps of one stream."""
        size = self._sizes.get((n_streams, n_drafts))
        return self._first_guess(n_streams, n_drafts) if size is None else size.relative

    def record(self, n_streams: int, n_drafts: int, seconds: float) -> None:
        """Learn from a finished step."""
        size = self._sizes.get((n_streams, n_drafts))
        if size is None:
            size = self._sizes[n_streams, n_drafts] = _Size(self._first_guess(n_streams, n_drafts))
        if self._unit is None:
            self._unit = seconds / size.relative
        # A step that was held up by something else says little: it counts as twice the usual at most.
        surprise = min(2.0, max(0.5, seconds / (size.relative * self._unit))) - 1.0
        if size.n_seen >= _SETTLED:
            self._unit *= 1.0 + _PACE_WEIGHT * surprise
        size.relative *= 1.0 + max(_SIZE_WEIGHT, 1.0 / (size.n_seen + 2)) * surprise
        size.n_seen += 1
        if n_drafts == 0:
            self._fade(n_streams)

    def _first_guess(self, n_streams: int, n_drafts: int) -> float:
        alone = self._sizes.get((n_streams, 0))
        ratio = _typical(n_streams + n_drafts) / _typical(n_streams)
        return (_typical(n_streams) if alone is None else alone.relative) * ratio

    def _fade(self, n_streams: int) -> None:
        for (streams, n_drafts), size in self._sizes.items():
            if streams == n_streams and n_drafts > 0:
                size.relative += _FADING * (self._first_guess(streams, n_drafts) - size.relative)


def _typical(n_tokens: int) -> float:
    """Time of a step in steps of one token, as measured on a CPU with AVX2: one more token hides behind the weights."""
    return (1.0, 1.2)[n_tokens - 1] if n_tokens <= 2 else 1.5 + 0.09 * n_tokens
