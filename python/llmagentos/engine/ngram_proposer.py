"""Drafts from the text itself: what followed the newest tokens when they last occurred (prompt lookup decoding)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from llmagentos.engine.request import Request

PAIR = 2  # tokens that an occurrence has at least
_LONGEST = 4  # and those that one is chosen for; one that is followed grows beyond
_CANDIDATES = 12  # newest occurrences of the last pair that are looked at
_WEIGHT = 0.05  # of the newest token in a running mean, once some were seen

# Occurrences are classed by their lengths in tokens, up to these, for what they are worth; the last class is open. What
# each is worth at first was measured on answers that were sampled freely.
_UP_TO = (2, 3, 4, 8, 16)
_FIRST_CHANCES = (0.3, 0.35, 0.45, 0.6, 0.85, 0.95)
_FIRST_WEIGHT = 6  # tokens that these count for
_CLASS_OF = [bisect_left(_UP_TO, length) for length in range(_UP_TO[-1] + 2)]


class NgramProposer:
    """Implements `Proposer` by following an earlier occurrence of the newest tokens.

    How often each length of occurrence foretells the next token is counted at every token, drafted or not; so a text
    that does not repeat itself costs no step anything.
    """

    seconds_per_draft = 0.0

    def chances(self, request: Request, most: int) -> Sequence[float]:
        if most <= 0:
            return ()
        occurrence = request.drafting
        if not isinstance(occurrence, _Occurrence):
            occurrence = request.drafting = _Occurrence(request.token_ids, request.n_prompt)
        occurrence.advance(request.token_ids)
        return occurrence.chances(most)

    def propose(self, counts: Sequence[tuple[Request, int]]) -> Sequence[Sequence[int]]:
        return [
            request.drafting.following(request.token_ids, n) if isinstance(request.drafting, _Occurrence) else ()
            for request, n in counts
        ]

    def close(self) -> None:
        """There is nothing to give back."""


class _Occurrence:
    """The place in a growing text that its end resembles.

    Every step asks, and Python is slow between steps that have emptied the processor's caches; so the table has one
    entry for each pair of tokens, and longer occurrences are found from those of the last pair.

    Args:
        token_ids: the text so far.
        n_quiet: leading tokens that are not learned from: how a prompt repeats itself says little about its answer.
    """

    def __init__(self, token_ids: Sequence[int], n_quiet: int) -> None:
        self._n_seen = max(0, min(n_quiet, len(token_ids)) - 1)
        self._newest: dict[tuple[int, int], int] = {}  # the end of the newest occurrence of each pair
        self._older = [0, 0]  # for each end of a pair, that of the occurrence before; 0 where there is none
        for end in range(PAIR, self._n_seen + 1):
            self._enter(token_ids[end - 2], token_ids[end - 1], end)
        self._next = 0  # position of the token that should follow
        self._length = 0  # tokens before it that equal the end of the text; 0 where there is no such place
        self._chances = list(_FIRST_CHANCES)
        self._n_counted = [_FIRST_WEIGHT] * len(_FIRST_CHANCES)

    def advance(self, token_ids: Sequence[int]) -> None:
        """Take in what the text has more than last time."""
        for end in range(self._n_seen + 1, len(token_ids) + 1):
            if self._length > 0:
                self._follow(token_ids[end - 1] == token_ids[self._next])
            if end >= PAIR:
                older = self._enter(token_ids[end - 2], token_ids[end - 1], end)
                if older > 0 and self._length == 0:
                    self._find(token_ids, end, older)
        self._n_seen = len(token_ids)

    def chances(self, n: int) -> list[float]:
        """That each of the next n tokens follows, where those before it do."""
        if self._length == 0:
            return []
        longest = len(_CLASS_OF) - 1
        return [self._chances[_CLASS_OF[min(self._length + i, longest)]] for i in range(n)]

    def following(self, token_ids: Sequence[int], n: int) -> list[int]:
        """The next n tokens; of a text that ends in a repetition, the same over and over."""
        if self._length == 0:
            return []
        period = len(token_ids) - self._next
        return [token_ids[self._next + i % period] for i in range(n)]

    def _enter(self, first: int, second: int, end: int) -> int:
        """Note a pair that ends before `end`. Returns the end of its last occurrence before, or 0."""
        older = self._newest.get((first, second), 0)
        self._newest[first, second] = end
        self._older.append(older)
        return older

    def _find(self, token_ids: Sequence[int], end: int, older: int) -> None:
        """Follow the longest of the newest occurrences of the last pair, the newest of equally long ones."""
        for _ in range(_CANDIDATES):
            length = PAIR
            while length < min(_LONGEST, older) and token_ids[older - length - 1] == token_ids[end - length - 1]:
                length += 1
            if length > self._length:
                self._next, self._length = older, length
            older = self._older[older]
            if older == 0 or length == _LONGEST:
                break

    def _follow(self, is_right: bool) -> None:
        index = _CLASS_OF[min(self._length, len(_CLASS_OF) - 1)]
        self._n_counted[index] += 1
        self._chances[index] += max(_WEIGHT, 1 / self._n_counted[index]) * (is_right - self._chances[index])
        if is_right:
            self._next += 1
            self._length += 1
        else:
            self._length = 0
