"""What a folder says of its tokenizer beside the vocabulary: roles of tokens, added ones, what goes around a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagentos.errors import ModelFormatError
from llmagentos.formats.hf_folder import read_json

_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_FURTHER = ("extra_special_tokens", "additional_special_tokens")  # transformers 5's name, and the one before it
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True, slots=True)
class Added:
    """A token that is found in a text before it is split, as the `tokenizers` package describes one.

    Attributes:
        flags: those that are given: "special", "normalized", "lstrip", "rstrip", "single_word".
    """

    content: str
    flags: Mapping[str, bool]

    @property
    def is_special(self) -> bool:
        return self.flags.get("special", False)


class Settings:
    """tokenizer_config.json, and for what it does not say special_tokens_map.json and added_tokens.json.

    Attributes:
        values: the first of these, for what only one kind of tokenizer asks for.
        roles: the tokens of "bos_token" and others that have one.
        further: special tokens without a role.
        by_id: tokens to be added, by their ids.

    Raises:
        ModelFormatError: one of the files is no JSON object, or an entry of the wrong type.
    """

    def __init__(self, folder: Path) -> None:
        self._path = str(folder)
        self.values = _read(folder / "tokenizer_config.json")
        named = {**_read(folder / "special_tokens_map.json"), **_present(self.values)}
        self.roles = {role: self._added(role, named[role]) for role in _ROLES if named.get(role) is not None}
        self.further = [token for name in _FURTHER for token in self._several(name, named.get(name))]
        self.by_id = self._by_id(folder)

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._broken(name, "true or false", value)
        return value

    def role(self, name: str) -> str | None:
        """The text of the token that has a role."""
        token = self.roles.get(name)
        return None if token is None else token.content

    def _by_id(self, folder: Path) -> dict[int, Added]:
        given = self.values.get("added_tokens_decoder")
        if given is None:  # an older form, of texts and their ids
            given = {str(id): text for text, id in _read(folder / "added_tokens.json").items()}
        if not isinstance(given, Mapping) or not all(id.isascii() and id.isdecimal() and len(id) < 10 for id in given):
            raise self._broken("added_tokens_decoder", "an object of tokens by id", given)
        special = {token.content for token in (*self.roles.values(), *self.further)}
        return {int(id): self._added("added_tokens_decoder", token, special) for id, token in given.items()}

    def _several(self, name: str, value: Any) -> list[Added]:
        if value is None:
            return []
        tokens = list(value.values()) if isinstance(value, Mapping) else value
        if not isinstance(tokens, list):
            raise self._broken(name, "a list of tokens", value)
        return [self._added(name, token) for token in tokens]

    def _added(self, name: str, value: Any, special: set[str] | None = None) -> Added:
        """A token that is written as a text, which is special (if it is among `special`), or as an object."""
        if isinstance(value, str) and value:
            return Added(value, {"special": special is None or value in special, "normalized": False})
        content = value.get("content") if isinstance(value, Mapping) else None
        if not isinstance(content, str) or not content:
            raise self._broken(name, "a token", value)
        flags = {flag: value[flag] for flag in _FLAGS if flag in value}
        if not all(isinstance(flag, bool) for flag in flags.values()):
            raise self._broken(name, "a token with flags", value)
        return Added(content, {"special": special is None, **flags})

    def _broken(self, name: str, wanted: str, value: object) -> ModelFormatError:
        return ModelFormatError(f"{self._path}: the tokenizer's {name} must be {wanted}, it is {value!r}", self._path)


def _read(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
