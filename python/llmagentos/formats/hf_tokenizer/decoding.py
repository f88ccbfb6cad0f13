"""From tokens as a vocabulary writes them ("Ġword", "▁word", "##ing", "<0x0A>") to the bytes they stand for.

The `tokenizers` package decodes whole texts, and to text: a character split over tokens is lost in it. Here its
decoders work on one token at a time, and give bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from llmagentos.errors import UnsupportedModelError


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text a token stands."""

    is_first: bool = False
    is_last: bool = False


MIDDLE = Place()
# Changes a token's text, or decides its bytes, which nothing changes any more.
_Step: TypeAlias = "Callable[[str, Place], str | bytes]"


class TokenDecoder:
    """A tokenizer's decoder.

    Args:
        state: the decoder as tokenizer.json has it; None joins tokens with spaces.

    Raises:
        UnsupportedModelError: a kind of decoder, or a setting of one, that this build does not have.
    """

    def __init__(self, state: Mapping[str, Any] | None) -> None:
        self._steps: list[_Step] = []
        self._leading = b""  # what one text loses at its beginning, as often as it is there and up to
        self._n_leading = 0
        self._is_fused = False
        for step in _flattened(state) if state is not None else ():
            self._add(step)
        if state is None:
            self._steps.append(lambda token, place: token if place.is_first else f" {token}")

    def token_bytes(self, token: str, is_added: bool, place: Place = MIDDLE) -> bytes:
        """The bytes that a token adds to a text. One that was added to a vocabulary of bytes is written as it is."""
        value: str | bytes = token
        for step in self._steps:
            if isinstance(value, bytes):
                return value
            if not (is_added and step is _byte_level):
                value = step(value, place)
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    def text_bytes(self, tokens: Sequence[tuple[str, bool]]) -> bytes:
        """The bytes of a text's tokens, each with whether it was added."""
        last = len(tokens) - 1
        parts = [
            self.token_bytes(token, is_added, Place(index == 0, index == last))
            for index, (token, is_added) in enumerate(tokens)
        ]
        data = b"".join(parts)
        for _ in range(self._n_leading):
            data = data.removeprefix(self._leading)
        return data

    def _add(self, state: Mapping[str, Any]) -> None:
        kind = state.get("type")
        if kind == "Fuse":
            self._is_fused = True
        elif kind == "Strip" and self._is_fused:
            self._leading, self._n_leading = str(state["content"]).encode(), int(state["start"])
            if state["stop"] != 0:
                raise UnsupportedModelError("a decoder that strips the end of a text is not supported")
        elif kind in _KINDS:
            self._steps.append(_KINDS[kind](state))
        else:
            raise UnsupportedModelError(f"a decoder of type {kind!r} is not supported; these are: {', '.join(_KINDS)}")


def _flattened(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if state.get("type") != "Sequence":
        return [state]
    return [step for part in state["decoders"] for step in _flattened(part)]


def byte_alphabet() -> dict[str, int]:
    """The characters that GPT-2's vocabulary (Radford et al., 2019) writes bytes with."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + index): byte for index, byte in enumerate(others)}


_BYTES = byte_alphabet()
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def _byte_level(token: str, _: Place) -> str | bytes:
    try:
        return bytes([_BYTES[character] for character in token])
    except KeyError:  # no token of bytes
        return token


def _byte_fallback(token: str, _: Place) -> str | bytes:
    found = _BYTE_TOKEN.fullmatch(token)
    return token if found is None else bytes([int(found[1], 16)])


def _replace(state: Mapping[str, Any]) -> _Step:
    pattern, content = state["pattern"], str(state["content"])
    if "String" not in pattern:
        raise UnsupportedModelError("a decoder that replaces a regular expression is not supported")
    return lambda token, _: token.replace(pattern["String"], content)


def _strip(state: Mapping[str, Any]) -> _Step:
    content, start, stop = str(state["content"]), int(state["start"]), int(state["stop"])

    def step(token: str, _: Place) -> str:
        n_before = min(start, len(token) - len(token.lstrip(content)))
        token = token[n_before:]
        n_after = min(stop, len(token) - len(token.rstrip(content)))
        return token[: len(token) - n_after]

    return step


def _metaspace(state: Mapping[str, Any]) -> _Step:
    mark, has_prefix = str(state["replacement"]), state.get("prepend_scheme", "always") != "never"
    return lambda token, place: token.replace(mark, "" if place.is_first and has_prefix else " ")


def _word_piece(state: Mapping[str, Any]) -> _Step:
    prefix, cleans = str(state["prefix"]), bool(state["cleanup"])

    def step(token: str, place: Place) -> str:
        if not place.is_first:
            token = token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
        return _without_spaces(token) if cleans else token

    return step


def _bpe(state: Mapping[str, Any]) -> _Step:
    suffix = str(state["suffix"])
    return lambda token, place: token.replace(suffix, "" if place.is_last else " ")


# Spaces that English has not, and a contraction.
_CLEANED = {
    " .": ".",
    " ?": "?",
    " !": "!",
    " ,": ",",
    " ' ": "'",
    " n't": "n't",
    " 'm": "'m",
    " do not": " don't",
    " 's": "'s",
    " 've": "'ve",
    " 're": "'re",
}


def _without_spaces(token: str) -> str:
    for found, wanted in _CLEANED.items():
        token = token.replace(found, wanted)
    return token


_KINDS: dict[Any, Callable[[Mapping[str, Any]], _Step]] = {
    "ByteLevel": lambda _: _byte_level,
    "ByteFallback": lambda _: _byte_fallback,
    "Replace": _replace,
    "Strip": _strip,
    "Metaspace": _metaspace,
    "WordPiece": _word_piece,
    "BPEDecoder": _bpe,
}
