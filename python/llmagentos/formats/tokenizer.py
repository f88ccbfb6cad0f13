"""What is asked of a tokenizer, whatever kind of file it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Tokenizer(Protocol):
    """Text to token ids and back. Safe to use from several threads.

    The compiled core's tokenizer of GGUF files is one, `hf_tokenizer.HfTokenizer` and `ids_only.IdsOnly` are others.
    """

    @property
    def n_vocab(self) -> int:
        """Ids are below it."""

    @property
    def bos_id(self) -> int | None: ...
    @property
    def eos_id(self) -> int | None: ...
    @property
    def pad_id(self) -> int | None: ...
    @property
    def unk_id(self) -> int | None: ...
    @property
    def add_bos(self) -> bool:
        """Whether `encode(add_special=True)` puts BOS first."""

    @property
    def add_eos(self) -> bool:
        """Whether `encode(add_special=True)` puts EOS last."""

    @property
    def end_ids(self) -> Sequence[int]:
        """Every id that ends a generation, ascending."""

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """The ids of a text.

        Args:
            add_special: add the tokens that the model wants around a text.
            parse_special: take special tokens that the text spells out ("<|im_end|>") for those tokens.

        Raises:
            InvalidRequestError: the text cannot be encoded.
        """

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> bytes:
        """The bytes of the ids; not valid UTF-8 where they end inside a character.

        Raises:
            InvalidRequestError: an id outside the vocabulary.
        """

    def token_bytes(self, id: int) -> bytes:
        """The bytes one id adds in the middle of a text."""

    def token_text(self, id: int) -> str:
        """The vocabulary's entry as it stands in the file ("Ġhello"); "" for an id that stands for no token."""

    def is_special(self, id: int) -> bool:
        """Whether the token is no part of the text a model writes."""


@runtime_checkable
class PairEncoder(Protocol):
    """A tokenizer of a model that reads two texts at once, such as a cross-encoder."""

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """The ids of both texts with the model's special tokens around them, and the token type of each id.

        Raises:
            InvalidRequestError: a text cannot be encoded.
        """
