"""Answers that may say anything until they announce a call: where in the text their masks are all the same."""

from __future__ import annotations

import codecs

from llmagentos.partial_match import partial_match


class FreeText:
    """Follows an answer up to the opening of a call.

    With no character and no opening begun, and something said, what may follow depends on nothing that was said before:
    one mask does for all these places. Others are few, and computing them is slow, for nearly every token is allowed.

    Args:
        opening: text that announces a call.
        beginning: what a call begins with that stands at the answer's beginning without an opening; "" where none does.
    """

    def __init__(self, opening: str, beginning: str = "") -> None:
        self._opening = opening
        self._beginning = beginning
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._tail = ""  # as many characters as an opening has, at most
        self._has_begun = False
        self._is_over = False

    @property
    def is_plain(self) -> bool:
        """Whether this is such a place."""
        is_whole = not self._decoder.getstate()[0]
        return self._has_begun and not self._is_over and is_whole and not partial_match(self._tail, self._opening)

    def push(self, data: bytes) -> None:
        """Follow the bytes of a token."""
        if self._is_over:
            return
        text = self._tail + self._decoder.decode(data)
        is_bare_call = bool(self._beginning) and not self._has_begun and text.lstrip().startswith(self._beginning)
        self._has_begun = self._has_begun or bool(text.strip())
        self._is_over = is_bare_call or self._opening in text
        self._tail = text[-len(self._opening) :]

    def leave(self) -> None:
        """A call was announced by a token of its own."""
        self._is_over = True

    def copy(self) -> FreeText:
        other = FreeText(self._opening, self._beginning)
        other._decoder.setstate(self._decoder.getstate())
        other._tail, other._has_begun, other._is_over = self._tail, self._has_begun, self._is_over
        return other
