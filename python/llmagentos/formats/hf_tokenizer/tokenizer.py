"""Tokenizers of transformers' folders, run by the `tokenizers` package."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from llmagentos.errors import InvalidRequestError
from llmagentos.formats.hf_tokenizer.decoding import TokenDecoder
from llmagentos.formats.hf_tokenizer.special_tokens import puts_around

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


class Roles(Protocol):
    """What is known of the tokens beside the rules."""

    def role(self, name: str, /) -> str | None:
        """The text of the token that has a role, such as "pad_token"."""


class HfTokenizer:
    """Implements `Tokenizer` and `PairEncoder`. Ids are transformers', as far as the model has rows for them.

    Attributes:
        n_vocab: rows of the model's embedding. Some may stand for no token, and a tokenizer may know more tokens.
        end_ids: those that end a generation, ascending.
        missing_ids: the rows that stand for no token.

    Args:
        rules: finds tokens; used by one thread at a time.
        settings: what the folder or file says besides.
        n_vocab: rows of the model's embedding.
        end_ids: what the model's configuration says ends a generation; the tokenizer's EOS is added.

    Raises:
        UnsupportedModelError: a decoder that this build does not have.
    """

    def __init__(self, rules: Tokenizer, settings: Roles, n_vocab: int, end_ids: Sequence[int]) -> None:
        self._rules = rules
        self._lock = threading.Lock()  # encode_special_tokens, which each call sets, belongs to the rules
        self.n_vocab = n_vocab
        self._decoder = TokenDecoder(None if rules.decoder is None else json.loads(rules.decoder.__getstate__()))
        self._added = {id: token.special for id, token in rules.get_added_tokens_decoder().items()}
        unknown = getattr(rules.model, "unk_token", None)
        roles = {role: self._id_of(settings.role(f"{role}_token")) for role in ("bos", "eos", "pad")}
        self.bos_id, self.eos_id, self.pad_id = roles["bos"], roles["eos"], roles["pad"]
        self.unk_id = self._id_of(settings.role("unk_token") or unknown)
        self.end_ids = tuple(sorted({*end_ids, *(() if self.eos_id is None else (self.eos_id,))}))
        self.missing_ids = _missing_ids(rules, n_vocab)
        self.add_bos, self.add_eos = puts_around(rules, self.bos_id, self.eos_id)

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        return self._encoding(text, None, add_special, parse_special).ids

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        encoding = self._encoding(first, second, add_special=True, parse_special=True)
        return encoding.ids, encoding.type_ids

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> bytes:
        tokens = []
        for id in ids:
            token = self.token_text(id)
            if token and not (skip_special and self.is_special(id)):
                tokens.append((token, id in self._added))
        return self._decoder.text_bytes(tokens)

    def token_bytes(self, id: int) -> bytes:
        token = self.token_text(id)
        return self._decoder.token_bytes(token, id in self._added) if token else b""

    def token_text(self, id: int) -> str:
        if not 0 <= id < self.n_vocab:
            raise InvalidRequestError(f"token id {id} is outside the vocabulary of {self.n_vocab} tokens")
        return self._rules.id_to_token(id) or ""

    def is_special(self, id: int) -> bool:
        return self._added.get(id, False) or id == self.unk_id or id in self.missing_ids

    def _check_spelled_out(self, encoding: Encoding) -> None:
        """That no special token stands for its own letters. Merges never make one; a Unigram vocabulary may."""
        for id, is_around in zip(encoding.ids, encoding.special_tokens_mask, strict=True):
            if self._added.get(id) and id != self.unk_id and not is_around:
                raise InvalidRequestError(
                    f"the text spells the special token {self.token_text(id)!r}, and the model's vocabulary has no "
                    "other tokens for these letters: take it out"
                )

    def _id_of(self, token: str | None) -> int | None:
        id = None if token is None else self._rules.token_to_id(token)
        return None if id is None or id >= self.n_vocab else id

    def _encoding(self, text: str, second: str | None, add_special: bool, parse_special: bool) -> Encoding:
        try:
            with self._lock:
                self._rules.encode_special_tokens = not parse_special
                encoding = self._rules.encode(text, second, add_special_tokens=add_special)
        except TypeError:
            raise InvalidRequestError("text holds a lone surrogate, which has no UTF-8") from None
        except BaseException as error:  # such as of a vocabulary without an unknown token
            if not is_fault(error):
                raise
            raise InvalidRequestError(f"the model's tokenizer cannot encode this text: {error}") from error
        if not parse_special:
            self._check_spelled_out(encoding)
        largest = max(encoding.ids, default=0)
        if largest >= self.n_vocab:
            raise InvalidRequestError(
                f"the text has token {self._rules.id_to_token(largest)!r}, whose id {largest} is beyond the model's "
                f"{self.n_vocab} rows: the tokenizer knows tokens that the model was not made for"
            )
        return encoding


def is_fault(error: BaseException) -> bool:
    """Whether the `tokenizers` package raised it for what it was given: panics of its Rust code are no Exceptions."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _missing_ids(rules: Tokenizer, n_vocab: int) -> frozenset[int]:
    is_full = rules.get_vocab_size() == n_vocab and rules.id_to_token(n_vocab - 1) is not None
    return frozenset() if is_full else frozenset(id for id in range(n_vocab) if rules.id_to_token(id) is None)
