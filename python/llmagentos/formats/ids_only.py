"""In place of a tokenizer where a model comes without: ids go in and come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from llmagentos.errors import InvalidRequestError


class IdsOnly:
    """Implements `Tokenizer`, as far as that goes without a vocabulary: no id has text, and no text has ids.

    Attributes:
        n_vocab: ids are below it.
        end_ids: those that end a generation, ascending.
    """

    bos_id = eos_id = pad_id = unk_id = None
    add_bos = add_eos = False

    def __init__(self, name: str, n_vocab: int, end_ids: Sequence[int]) -> None:
        self._name = name
        self.n_vocab = n_vocab
        self.end_ids = tuple(end_ids)

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> NoReturn:  # noqa: ARG002
        raise self.error("texts")

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> NoReturn:  # noqa: ARG002
        raise self.error("texts")

    def token_bytes(self, id: int) -> bytes:  # noqa: ARG002
        return b""

    def token_text(self, id: int) -> str:  # noqa: ARG002
        return ""

    def is_special(self, id: int) -> bool:  # noqa: ARG002
        return False

    def error(self, wanted: str) -> InvalidRequestError:
        """Of a call that wants something that only a tokenizer gives."""
        return InvalidRequestError(
            f"{self._name} has no tokenizer, which {wanted} need: give it lists of token ids, and read token_ids"
        )
