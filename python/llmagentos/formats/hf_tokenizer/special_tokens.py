"""Tokens that are found in a text before it is split, and those that are put around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagentos.formats.hf_tokenizer.settings import Added, Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def add_tokens(rules: Tokenizer, settings: Settings) -> None:
    """Add those that the settings name and the rules do not have.

    Raises:
        ValueError: a token cannot have the id that it is to have.
    """
    known = {token.content: token.special for token in rules.get_added_tokens_decoder().values()}
    for id, token in sorted(settings.by_id.items()):
        if token.content not in known:
            _add(rules, token)
            known[token.content] = token.is_special
        found = rules.token_to_id(token.content)
        if found != id:
            raise ValueError(f"token {token.content!r} is to have id {id}, but it has {found}")
    for token in (*settings.roles.values(), *settings.further):
        if not known.get(token.content):
            _add(rules, token)


def put_around(rules: Tokenizer, single: str, pair: str) -> None:
    """Have tokens around each text.

    Args:
        single: "$A" and the tokens, with spaces between, such as "[CLS] $A [SEP]".
        pair: of two texts, where a type other than 0 is written after a colon: "[CLS] $A [SEP] $B:1 [SEP]:1".

    Raises:
        ValueError: the vocabulary has no such token.
    """
    from tokenizers.processors import TemplateProcessing

    parts = [[part if part.endswith(":1") else f"{part}:0" for part in text.split(" ")] for text in (single, pair)]
    ids = {name: rules.token_to_id(name) for part in parts[0] if not (name := part[:-2]).startswith("$")}
    for token, id in ids.items():
        if id is None:
            raise ValueError(f"the vocabulary has no token {token!r}, which goes around a text")
    rules.post_processor = TemplateProcessing(single=parts[0], pair=parts[1], special_tokens=list(ids.items()))


def puts_around(rules: Tokenizer, bos_id: int | None, eos_id: int | None) -> tuple[bool, bool]:
    """Whether BOS comes before a text, and EOS after it."""
    ids = rules.encode("").ids  # nothing but what is around
    has_bos = bos_id is not None and ids[:1] == [bos_id]
    return has_bos, eos_id is not None and ids[1 if has_bos else 0 :][-1:] == [eos_id]


def keep_to_flags(rules: Tokenizer, settings: Settings) -> None:
    """Have BOS and EOS around each text where the settings say so, which have the last word."""
    roles = [settings.role(role) for role in ("bos_token", "eos_token")]
    has = puts_around(rules, *(None if token is None else rules.token_to_id(token) for token in roles))
    asked = settings.flag("add_bos_token"), settings.flag("add_eos_token")
    wanted = [
        token if token is not None and (there if flag is None else flag) else None
        for there, flag, token in zip(has, asked, roles, strict=True)
    ]
    if tuple(token is not None for token in wanted) == has:
        return
    parts = [
        " ".join(part for part in (bos, text, eos) if part)
        for text, bos, eos in (("$A", *wanted), ("$B:1", *(token and f"{token}:1" for token in wanted)))
    ]
    put_around(rules, parts[0], f"{parts[0]} {parts[1]}")


def _add(rules: Tokenizer, token: Added) -> None:
    from tokenizers import AddedToken

    made = AddedToken(token.content, **token.flags)
    if token.is_special:
        rules.add_special_tokens([made])
    else:
        rules.add_tokens([made])
