"""Texts made ready for training or search: cleaned, without repetitions, split."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from llmagentos.errors import InvalidRequestError, shown

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_INVISIBLE = frozenset("\u200b\u2060\ufeff\u00ad")  # zero-width space, word joiner, byte order mark, soft hyphen


def clean_text(text: str) -> str:
    """The text in Unicode's form NFC, with plain spaces and newlines, and without invisible characters.

    Runs of spaces become one, two or more empty lines one, and the ends of lines lose their spaces. Control characters,
    characters without meaning and lone surrogates are left out. Cleaning what is clean changes nothing.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = "".join(character for character in text if _is_kept(character))
    text = unicodedata.normalize("NFC", text)
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _is_kept(character: str) -> bool:
    if character in _INVISIBLE:
        return False
    return character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs", "Cn", "Co")


def exact_duplicates(texts: Sequence[str]) -> list[int | None]:
    """For each text the number of an earlier one that is the same but for case and white space, or None."""
    first: dict[bytes, int] = {}
    found: list[int | None] = []
    for number, text in enumerate(texts):
        key = hashlib.blake2b(" ".join(text.casefold().split()).encode("utf-8", "surrogatepass")).digest()
        found.append(first.get(key))
        first.setdefault(key, number)
    return found


def split(texts: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> dict[str, list[int]]:
    """Numbers of the texts, shared out among the names of `shares`.

    Where a text goes depends on the text, the seed and the shares only: texts that are the same go together, and more
    texts do not move those that are there. Sizes are therefore those of the shares on average.

    Raises:
        InvalidRequestError: the shares are not positive, or do not add up to 1.
    """
    if not shares or min(shares.values()) < 0 or not math.isclose(sum(shares.values()), 1, abs_tol=1e-9):
        raise InvalidRequestError(f"shares={shown(dict(shares))} must be 0 or more and add up to 1")
    parts: dict[str, list[int]] = {name: [] for name in shares}
    for number, text in enumerate(texts):
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()).digest()
        point, bound, chosen = int.from_bytes(digest, "little") / 2**64, 0.0, ""
        for name, share in shares.items():
            bound, chosen = bound + share, name if share > 0 else chosen
            if point < bound:
                break
        parts[chosen].append(number)
    return parts
