"""How much of a waiting prompt may join a step beside running streams."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence

# Times an undisturbed step, which a step that also computes prompt tokens may take where no target is set.
DEFAULT_STRETCH = 2.9
LEAST_TOKENS = 4  # a prompt advances: fewer would cost more than they spare
# What prompts may take at once that end with it, where no target is set: one longer step disturbs the streams less than
# many stretched ones, and the first token comes sooner.
BURST_SECONDS = 0.15
PROBE_EVERY = 64  # steps beside prompts, of which one does without: streams take longer as their texts grow
LATE_SHARE = 0.05  # of the steps beside prompts, what may take longer than allowed
_LEAST_AIM, _AIM_STEP = 0.6, 0.02
_WEIGHT = 0.25  # of the newest in a running mean


class _Mean:
    """A running mean of the medians of each three successive measurements.

    A step that the machine held up stands alone, what has become slower comes again.
    """

    def __init__(self, first: float) -> None:
        self.value = first
        self._newest = deque([first], maxlen=3)

    def learn(self, measured: float) -> None:
        self._newest.append(measured)
        self.value += _WEIGHT * (statistics.median_low(self._newest) - self.value)


class Pace:
    """Learns from each step's time what prompt tokens cost, and keeps the streams' next tokens on time.

    A step's time is taken as that of its streams alone, by their number, plus a cost for each prompt token. Machines
    hold steps up now and then: steps aim so far below what is allowed that few of them miss it. What is chosen changes
    when tokens come, never which: results do not depend on how a prompt is cut.

    Args:
        target: seconds between two tokens of a stream; None allows DEFAULT_STRETCH times what it takes undisturbed.
    """

    def __init__(self, target: float | None = None) -> None:
        self._target = target
        self._alone: dict[int, _Mean] = {}  # by number of streams, in powers of two
        self._per_token: _Mean | None = None
        self._aim = 0.9  # of the time that is allowed
        self._fitting = LEAST_TOKENS  # prompt tokens that the newest step beside streams had time for
        self._since_timed = 0  # steps since the streams were timed alone

    def record(self, n_streams: int, n_prompt_tokens: int, seconds: float) -> None:
        """Learn from a finished step."""
        size = n_streams.bit_length()
        alone = self._alone.get(size)
        if n_prompt_tokens == 0:
            self._since_timed = 0
            if alone is None:
                self._alone[size] = _Mean(seconds)
            else:
                alone.learn(seconds)
            return
        if n_streams > 0:
            self._since_timed += 1
            if alone is None:
                return
            if n_prompt_tokens == self._fitting > LEAST_TOKENS:
                self._learn_aim(seconds > self._allowed(alone.value))
            if seconds < alone.value:  # they take less than that alone
                alone.learn(seconds)
                return
            seconds -= alone.value
        if n_prompt_tokens < LEAST_TOKENS or seconds <= 0:
            return  # noise, for the most part
        cost = seconds / n_prompt_tokens
        if self._per_token is None:
            self._per_token = _Mean(cost)
        else:
            self._per_token.learn(cost)

    def prompt_tokens(self, n_streams: int, prompts: Sequence[int], most: int) -> int:
        """Prompt tokens for a step with this many streams, `most` at most; 0 where only the streams are to be timed.

        Args:
            prompts: the tokens that each prompt has left.
        """
        if n_streams == 0:
            return most
        if self._since_timed >= PROBE_EVERY - 1:
            self._since_timed = 0
            return 0
        if most <= LEAST_TOKENS:
            return most
        if not self._alone or self._per_token is None:
            return LEAST_TOKENS
        alone, per_token = self._alone_of(n_streams), self._per_token.value
        room = self._aim * self._allowed(alone) - alone
        # No more than twice as many as the last time: what was learned may be wrong.
        n_tokens = self._fitting = max(LEAST_TOKENS, min(int(room / per_token), 2 * self._fitting))
        if self._target is None:
            burst, n_ending = int(BURST_SECONDS / per_token), 0
            for n_left in sorted(prompts):
                if n_ending + n_left > burst:
                    break
                n_ending += n_left
            n_tokens = max(n_tokens, n_ending)
        return min(most, n_tokens)

    def _allowed(self, alone: float) -> float:
        return DEFAULT_STRETCH * alone if self._target is None else self._target

    def _learn_aim(self, is_late: bool) -> None:
        """Comes to rest where LATE_SHARE of the steps are late."""
        change = -_AIM_STEP if is_late else _AIM_STEP * LATE_SHARE / (1 - LATE_SHARE)
        self._aim = min(1.0, max(_LEAST_AIM, self._aim + change))

    def _alone_of(self, n_streams: int) -> float:
        """By the nearest number of streams that is known, a smaller one if there is one."""
        size = n_streams.bit_length()
        return self._alone[max((known for known in self._alone if known <= size), default=min(self._alone))].value
