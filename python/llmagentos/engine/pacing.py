"""How long a step beside running streams may go on with waiting prompts."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from llmagentos.backends.protocol import AsideTime

# Times an undisturbed step, which a step that also computes prompt tokens may take where no target is set.
DEFAULT_STRETCH = 2.8
# What prompts may take at once that end with it, where no target is set: one longer step disturbs the streams less than
# many stretched ones, and the first token comes sooner.
BURST_SECONDS = 0.15
CHUNK_SECONDS = 0.5  # that a chunk aside takes: in smaller ones a token costs more, others wait for larger
LEAST_CHUNK = 64
JOINING_STEPS = 16  # in which a short prompt ends that joins steps of streams where a target is set
SETTLING_STEPS = 8  # after which streams take no longer for what was computed beside them
LATE_SHARE = 0.05  # of the steps beside prompts, what may take longer than allowed
LEAST_SHARE = 0.25  # of what streams take alone, what a prompt gets in any case
_LEAST_AIM, _AIM_STEP = 0.6, 0.02
_MOST_DISTURBANCE = 1.5
_COMPARED = 8  # steps after quiet ones that say how a prompt disturbs streams: later ones have grown slower
_FEW_COST = 2.0  # times what a prompt token costs in a chunk: what it costs among a few
_UNKNOWN_SECONDS = 0.005  # that a prompt gets beside streams of which nothing is known
_LEAST_LEARNED = 16  # prompt tokens of a step that says what they cost
_USUAL_DISTURBANCE = 1.1
_WINDOW = 33  # steps of streams that say what the next one takes
_COSTS = 5  # chunks of prompts that say what the next one costs


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of a step.

    Attributes:
        total: all of it, and what the one before took after its results were there.
        batch: of that what the backend took for the step's own batch.
        aside: and what it took for a batch aside.
    """

    total: float
    batch: float
    aside: float = 0.0


class _Median:
    """Of the newest measurements: those that the machine held up do not count, what has become slower comes again."""

    def __init__(self, first: float, window: int) -> None:
        self._newest = deque([first], maxlen=window)
        self.value = first

    def learn(self, measured: float) -> None:
        self._newest.append(measured)
        self.value = statistics.median_low(self._newest)


class Pace:
    """Learns from each step's time what streams and prompts take, and keeps the streams' next tokens on time.

    Beside streams a prompt is computed aside, piece by piece, for as long as the time between two tokens of a stream
    allows. Machines hold steps up now and then: steps aim so far below what is allowed that few of them miss it. What
    is chosen changes when tokens come, never which: results do not depend on how a prompt is cut.

    Args:
        target: seconds between two tokens of a stream; None allows DEFAULT_STRETCH times what it takes undisturbed.
    """

    def __init__(self, target: float | None = None) -> None:
        self._target = target
        self._alone: dict[int, _Median] = {}  # a step of streams undisturbed, by their number in powers of two
        # What streams beside a prompt take, times what they take undisturbed: caches and clocks are not theirs alone.
        self._disturbance = _Median(_USUAL_DISTURBANCE, _WINDOW)
        self._overhead = _Median(0.0, _WINDOW)  # of a step, outside the backend
        self._per_token: _Median | None = None
        self._aim = 0.9  # of the time that is allowed
        self._since_aside = SETTLING_STEPS  # steps of streams alone since the last one beside a prompt
        self._n_quiet = 0  # of these, the newest that were undisturbed and of as many streams
        self._n_streams = 0  # in the newest step
        self._n_compared = _COMPARED  # of the steps beside a prompt that say how it disturbs streams

    def record(self, n_streams: int, n_prompt_tokens: int, time: StepTime) -> None:
        """Learn from a finished step with this many streams and prompt tokens in its batch."""
        if n_streams != self._n_streams:
            self._n_streams, self._n_quiet, self._n_compared = n_streams, 0, _COMPARED
        if n_streams == 0:
            self._learn_cost(time.total - time.aside, n_prompt_tokens)
            self._since_aside = 0
            return
        known = self._alone.get(n_streams.bit_length())
        self._overhead.learn(time.total - time.batch - time.aside)
        if n_prompt_tokens > 0:
            if known is not None:
                self._learn_cost(time.total - time.aside - known.value, n_prompt_tokens)
            self._since_aside = self._n_quiet = 0
        elif time.aside > 0:
            self._learn_beside(n_streams, time)
        else:
            self._since_aside += 1
            if self._since_aside > SETTLING_STEPS:
                self._learn_alone(n_streams, time.total)
                self._n_quiet += 1
            elif known is None:
                self._learn_alone(n_streams, time.total / self._disturbance.value)

    def record_chunk(self, n_tokens: int, seconds: float) -> None:
        """Learn from a chunk of prompts that was computed aside, in so many seconds of several steps."""
        self._learn_cost(seconds, n_tokens)

    def joining_tokens(self, n_streams: int) -> int:
        """Tokens of prompts that a step of this many streams may compute in its batch, where they soon end with it."""
        if self._per_token is None:
            return 0
        if self._target is None:
            return int(BURST_SECONDS / self._per_token.value)
        alone = self._alone_of(n_streams)
        return 0 if alone is None else max(0, int((self._until(alone) - alone) / (_FEW_COST * self._per_token.value)))

    @property
    def joining_steps(self) -> int:
        """Steps that prompts may take which join streams."""
        return 1 if self._target is None else JOINING_STEPS

    def chunk_tokens(self, n_streams: int, most: int) -> int:
        """Tokens of a chunk of prompts to be computed aside this many streams, `most` at most."""
        alone = self._alone_of(n_streams)
        if self._per_token is None or alone is None:
            return min(most, LEAST_CHUNK)
        share = 1 - alone / max(self._until(alone), (1 + LEAST_SHARE) * alone)
        return min(most, max(LEAST_CHUNK, int(share * CHUNK_SECONDS / self._per_token.value)))

    def aside_time(self, n_streams: int, has_joined: bool) -> AsideTime:
        """For how long a step of this many streams goes on with a chunk aside; `has_joined` where prompts join it."""
        alone = self._alone_of(n_streams)
        if alone is None:
            return AsideTime(0.0, _UNKNOWN_SECONDS)
        until, least = self._until(alone), LEAST_SHARE * alone
        is_longer = has_joined and self._target is None
        return AsideTime(max(0.0, until - self._overhead.value), max(least, until - alone) if is_longer else least)

    def _until(self, alone: float) -> float:
        """What a step is to take that goes on with prompts, of streams that take so long alone."""
        return self._aim * self._allowed(alone)

    def _allowed(self, alone: float) -> float:
        return DEFAULT_STRETCH * alone if self._target is None else self._target

    def _learn_alone(self, n_streams: int, seconds: float) -> None:
        known = self._alone.get(n_streams.bit_length())
        if known is None:
            self._alone[n_streams.bit_length()] = _Median(seconds, _WINDOW)
        else:
            known.learn(seconds)

    def _learn_beside(self, n_streams: int, time: StepTime) -> None:
        """From a step of streams that went on with a chunk aside."""
        if self._n_quiet > _WINDOW // 2:
            self._n_compared = 0
        self._since_aside = self._n_quiet = 0
        streams, known = time.total - time.aside, self._alone.get(n_streams.bit_length())
        if known is not None and self._n_compared < _COMPARED:
            self._n_compared += 1
            self._disturbance.learn(min(_MOST_DISTURBANCE, max(1.0, streams / known.value)))
        else:
            self._learn_alone(n_streams, streams / self._disturbance.value)
        if known is not None and streams + LEAST_SHARE * known.value <= self._until(known.value):
            self._learn_aim(time.total > self._allowed(known.value))  # which a slow batch alone says nothing of

    def _learn_cost(self, seconds: float, n_tokens: int) -> None:
        if n_tokens < _LEAST_LEARNED or seconds <= 0:
            return  # noise, for the most part
        cost = seconds / n_tokens
        if self._per_token is None:
            self._per_token = _Median(cost, _COSTS)
        else:
            self._per_token.learn(cost)

    def _learn_aim(self, is_late: bool) -> None:
        """Comes to rest where LATE_SHARE of the steps are late."""
        change = -_AIM_STEP if is_late else _AIM_STEP * LATE_SHARE / (1 - LATE_SHARE)
        self._aim = min(1.0, max(_LEAST_AIM, self._aim + change))

    def _alone_of(self, n_streams: int) -> float | None:
        """By the nearest number of streams that is known, a smaller one if there is one."""
        if not self._alone:
            return None
        size = n_streams.bit_length()
        return self._alone[max((known for known in self._alone if known <= size), default=min(self._alone))].value
