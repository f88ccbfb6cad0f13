"""Drafts from the text itself: what followed the newest tokens when they last occurred (prompt lookup decoding)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from llmagentos.engine.request import Request

LONGEST, SHORTEST = 4, 2  # tokens of an occurrence that is looked for; one that is followed grows beyond
_WEIGHT = 0.1  # of the newest token in a running mean

# Occurrences are classed by their lengths in tokens, up to these, for what they are worth; the last class is open. What
# each is worth at first was measured on answers that were sampled freely.
_UP_TO = (2, 3, 4, 8, 16)
_FIRST_CHANCES = (0.3, 0.4, 0.5, 0.7, 0.85, 0.95)


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

    Args:
        token_ids: the text so far.
        n_quiet: leading tokens that are not learned from: how a prompt repeats itself says little about its answer.
    """

    def __init__(self, token_ids: Sequence[int], n_quiet: int) -> None:
        # The newest end of every n-gram before the one that ends the text. All lengths share the table.
        self._ends: dict[tuple[int, ...], int] = {}
        self._n_seen = min(n_quiet, len(token_ids)) - 1
        for size in range(SHORTEST, LONGEST + 1):
            n_grams = zip(*(token_ids[i : self._n_seen] for i in range(size)), strict=False)
            self._ends.update(zip(n_grams, range(size, self._n_seen + 1), strict=False))
        self._next = 0  # position of the token that should follow
        self._length = 0  # tokens before it that equal the end of the text; 0 where there is no such place
        self._chances = list(_FIRST_CHANCES)

    def advance(self, token_ids: Sequence[int]) -> None:
        """Take in what the text has more than last time."""
        for end in range(self._n_seen + 1, len(token_ids) + 1):
            if self._length > 0:
                self._follow(token_ids[end - 1] == token_ids[self._next])
            for size in range(min(LONGEST, end), SHORTEST - 1, -1):
                n_gram = tuple(token_ids[end - size : end])
                if self._length == 0 and n_gram in self._ends:
                    self._next, self._length = self._ends[n_gram], size
                self._ends[n_gram] = end
        self._n_seen = len(token_ids)

    def chances(self, n: int) -> list[float]:
        """That each of the next n tokens follows, where those before it do."""
        if self._length == 0:
            return []
        return [self._chances[bisect_left(_UP_TO, self._length + i)] for i in range(n)]

    def following(self, token_ids: Sequence[int], n: int) -> list[int]:
        """The next n tokens; of a text that ends in a repetition, the same over and over."""
        if self._length == 0:
            return []
        period = len(token_ids) - self._next
        return [token_ids[self._next + i % period] for i in range(n)]

    def _follow(self, is_right: bool) -> None:
        index = bisect_left(_UP_TO, self._length)
        self._chances[index] += _WEIGHT * (is_right - self._chances[index])
        if is_right:
            self._next += 1
            self._length += 1
        else:
            self._length = 0
