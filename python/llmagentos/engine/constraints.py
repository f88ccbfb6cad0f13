"""Grammars at work: which tokens may follow, and what has been accepted so far. llguidance is loaded when first needed.

A grammar is compiled once for a model and copied for each request. Computing a mask releases the GIL, so that it can be
done while the backend computes the step whose logits it is for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from llmagentos.engine.free_text import FreeText
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

_KEPT = 32  # compiled grammars

# llguidance looks at tokens that match one of these together, where all that match may follow: what strings hold, with
# a bound on their length or without.
_SLICES = [r'[^"\\\x00-\x1F\x7F]{1,10}', r'[^"\\\x00-\x1F\x7F]{1,30}']


class TokenVocabulary(Protocol):
    """The part of a tokenizer that grammars are compiled against."""

    @property
    def n_vocab(self) -> int: ...
    @property
    def end_ids(self) -> Sequence[int]: ...
    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]: ...
    def token_bytes(self, id: int) -> bytes: ...
    def is_special(self, id: int) -> bool: ...


class Constraint:
    """One request's way through a grammar. Not for several threads at once.

    Args:
        matcher: this object's own. Its vocabulary has one token more than the model's, which stands for the end.
        tokenizer: the model's.
        end_ids: tokens that end this request; they may follow exactly where the grammar can end.
        free_text: follows what is said before a call, where the grammar has calls that other text may come before.

    Attributes:
        allowed: uint32 [ceil(n_vocab / 32)], the mask that was computed last: token t may follow where bit t % 32 of
            word t // 32 is set. The same array each time.
        error: why no further token can be accepted, or None.
    """

    def __init__(
        self,
        matcher: LLMatcher,
        tokenizer: TokenVocabulary,
        end_ids: Collection[int] = (),
        free_text: FreeText | None = None,
    ) -> None:
        self._matcher = matcher
        self._tokenizer = tokenizer
        self._end_ids = tuple(end_ids)
        self._free_text = free_text
        self._plain_masks: list[NDArray[np.uint32]] = []  # one, once it is known; shared by all copies
        self._n_vocab = tokenizer.n_vocab
        self._words = np.zeros(_n_words(self._n_vocab + 1), np.uint32)
        self._address = self._words.ctypes.data
        self.allowed: NDArray[np.uint32] = self._words[: _n_words(self._n_vocab)]
        self.error: LLMAgentOSError | None = None

    def copy(self, end_ids: Collection[int]) -> Constraint:
        """Another one in the same state, for a request with these end tokens."""
        free_text = None if self._free_text is None else self._free_text.copy()
        other = Constraint(self._matcher.deep_copy(), self._tokenizer, end_ids, free_text)
        other._plain_masks, other.error = self._plain_masks, self.error
        return other

    def mask(self) -> NDArray[np.uint32]:
        """Compute which tokens may follow, into `allowed`, which is returned."""
        is_plain = self._free_text is not None and self._free_text.is_plain
        if is_plain and self._plain_masks:
            self._words[:] = self._plain_masks[0]
        else:
            self._matcher.unsafe_compute_mask_ptr(self._address, self._words.nbytes)
            if self._matcher.is_error():
                return self._allow_all(_first_line(self._matcher.get_error()))
            if is_plain:
                self._plain_masks.append(self._words.copy())
        can_end = self._take_end_bit()
        is_needed = False  # an end token, for what it spells
        for token_id in self._end_ids:
            bit = np.uint32(1 << token_id % 32)
            if can_end:
                self._words[token_id // 32] |= bit
            else:
                is_needed = is_needed or bool(self._words[token_id // 32] & bit)
                self._words[token_id // 32] &= ~bit
        if is_needed and not self._words.any():
            return self._allow_all("every token that may follow is one that ends the answer (stop_token_ids)")
        return self.allowed

    def accept(self, token_id: int) -> bool:
        """Take a token. False, and `error`, where the grammar does not allow it, or led nowhere."""
        if self.error is not None:
            return False
        if token_id in self._end_ids:
            if not self.can_end:
                self._fail("it does not end here")
        elif not self._matcher.consume_token(token_id):
            self._fail(_first_line(self._matcher.get_error()))
        elif self._free_text is not None:
            if self._tokenizer.is_special(token_id):
                self._free_text.leave()
            else:
                self._free_text.push(self._tokenizer.token_bytes(token_id))
        return self.error is None

    def rollback(self, n_tokens: int) -> None:
        """Forget the last `n_tokens` accepted tokens."""
        if n_tokens and not self._matcher.rollback(n_tokens):
            self._fail(_first_line(self._matcher.get_error()))
        self._free_text = None  # it keeps no history; masks are computed from here on

    @property
    def can_end(self) -> bool:
        """Whether what was accepted is a whole answer."""
        return self.error is None and self._matcher.is_accepting()

    @property
    def is_complete(self) -> bool:
        """Whether it is, and nothing may follow."""
        return self.error is None and self._matcher.is_stopped() and self._matcher.is_accepting()

    def _take_end_bit(self) -> bool:
        """Whether the matcher allows the token that stands for the end, whose bit is cleared."""
        word, bit = self._n_vocab // 32, np.uint32(1 << self._n_vocab % 32)
        can_end = bool(self._words[word] & bit)
        self._words[word] &= ~bit
        return can_end

    def _allow_all(self, reason: str) -> NDArray[np.uint32]:
        """No token can follow, or the grammar has become too complex. The request fails with the token that comes."""
        self._fail(reason)
        bits = np.packbits(np.arange(self._words.nbytes * 8) < self._n_vocab, bitorder="little")
        self._words[:] = bits.view(np.uint32)
        return self.allowed

    def _fail(self, reason: str) -> None:
        self.error = InvalidRequestError(f"the grammar of this request cannot go on: {reason}")


class ConstraintTokenizer:
    """A model's vocabulary as grammars see it, built when first needed. Safe to use from several threads.

    Args:
        tokenizer: the model's.
    """

    def __init__(self, tokenizer: TokenVocabulary) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._vocabulary: LLTokenizer | None = None
        self._compiled: OrderedDict[str, Constraint] = OrderedDict()

    def constraint(self, grammar: str, free_text: FreeText | None = None) -> Constraint:
        """A grammar (Lark text) at its beginning, to be copied for each request.

        Args:
            free_text: at an answer's beginning, where anything may be said before a call.

        Raises:
            InvalidRequestError: it does not compile; the compiler's message.
        """
        with self._lock:
            if grammar in self._compiled:
                self._compiled.move_to_end(grammar)
                return self._compiled[grammar]
        # Without the lock: it may take seconds, in which others need what is compiled already.
        matcher = self._matcher(grammar)
        if matcher.is_error():
            raise InvalidRequestError(_first_line(matcher.get_error()))
        constraint = Constraint(matcher, self._tokenizer, free_text=free_text)
        with self._lock:
            constraint = self._compiled.setdefault(grammar, constraint)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        return constraint

    def error_of(self, grammar: str) -> str:
        """What is wrong with a grammar, "" where nothing is."""
        return _first_line(self._matcher(grammar).get_error())

    def special_id(self, text: str) -> int | None:
        """The special token that is spelled so, if there is one."""
        ids = self._tokenizer.encode(text, add_special=False, parse_special=True)
        return ids[0] if len(ids) == 1 and self._tokenizer.is_special(ids[0]) else None

    def _matcher(self, grammar: str) -> LLMatcher:
        from llguidance import LLMatcher, LLTokenizer

        with self._lock:
            if self._vocabulary is None:
                self._vocabulary = LLTokenizer(cast(Any, _Vocabulary(self._tokenizer)), slices=_SLICES)
        matcher = LLMatcher(self._vocabulary, grammar, log_level=0)
        if not matcher.is_error():
            matcher.compute_bitmask()  # an error where nothing can be said, or too much at once
        return matcher


class _Vocabulary:
    """What llguidance reads of a tokenizer. One token is added, which stands for whatever ends a request."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokenizer: TokenVocabulary) -> None:
        ids = range(tokenizer.n_vocab)
        hidden = set(tokenizer.end_ids).union(filter(tokenizer.is_special, ids))
        self.tokens = [*map(tokenizer.token_bytes, ids), b"<end>"]
        self.eos_token_id = len(ids)
        self.special_token_ids = [*sorted(hidden), self.eos_token_id]
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special=False, parse_special=False)


def compute_masks(constraints: Iterable[Constraint]) -> None:
    """The masks of several requests' next tokens."""
    for constraint in constraints:
        constraint.mask()


def _n_words(n_bits: int) -> int:
    return -(-n_bits // 32)


def _first_line(message: str) -> str:
    line = message.strip().partition("\n")[0]
    return "no text of the grammar can go on here" if line in ("NoExtension", "NoExtensionBias") else line
