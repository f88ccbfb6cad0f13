"""Tokens to text as they arrive: whole characters only, and never a stop string or the beginning of one."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from typing import Protocol

from llmagentos.partial_match import partial_match


class TokenBytes(Protocol):
    """The part of a tokenizer that turns single tokens into text."""

    def token_bytes(self, id: int) -> bytes: ...
    def is_special(self, id: int) -> bool: ...


class Detokenizer:
    """Streams the text of generated tokens.

    A character split over tokens is held back until it is whole, and the longest tail that may yet become a stop
    string until it is decided. The texts returned, joined, are the text of all tokens up to the first stop string.
    Special tokens have no text, but for those in `visible`. Bytes that are no UTF-8 become U+FFFD, as the standard
    decoder does it.

    Attributes:
        stopped: a stop string was found; further tokens add no text.
    """

    def __init__(self, tokenizer: TokenBytes, stop: Sequence[str] = (), visible: Collection[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._visible = visible
        self._stop = tuple(stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def copy(self) -> Detokenizer:
        """Another one that has seen the same tokens."""
        other = Detokenizer(self._tokenizer, self._stop, self._visible)
        other._decoder.setstate(self._decoder.getstate())
        other._held, other.stopped = self._held, self.stopped
        return other

    def push(self, token_id: int, may_stop: bool = True) -> str:
        """The text that this token decides. Where it may not stop, its text is no part of a stop string."""
        if self.stopped or (self._tokenizer.is_special(token_id) and token_id not in self._visible):
            return ""
        text = self._decoder.decode(self._tokenizer.token_bytes(token_id))
        if may_stop:
            return self._release(text)
        text, self._held = self._held + text, ""
        return text

    def flush(self) -> str:
        """The text still held back, where no token follows."""
        if self.stopped:
            return ""
        text = self._release(self._decoder.decode(b"", final=True))
        if not self.stopped:
            text, self._held = text + self._held, ""
        return text

    def _release(self, new: str) -> str:
        text = self._held + new
        if not self._stop:
            return text
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max(partial_match(text, stop) for stop in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]
