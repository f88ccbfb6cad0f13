"""Topics that an agent does not talk about, by rules that say what texts belong to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.safety.guard import ALLOW, Block, Guard, Verdict


class TopicGuard(Guard):
    """Stops inputs and answers that belong to a denied topic.

    Args:
        topics: by name, the rules of each: words or phrases (whole, in any case), or regular expressions between
            slashes, as in "/insider.{0,20}tip/".

    Raises:
        InvalidRequestError: no rules, or a regular expression that is none.
    """

    def __init__(self, topics: Mapping[str, str | Sequence[str]]) -> None:
        self._topics = {
            name: _pattern(name, [given] if isinstance(given, str) else given) for name, given in topics.items()
        }

    def check_input(self, text: str, /) -> Verdict:
        return self._checked(text)

    def check_output(self, text: str, /) -> Verdict:
        return self._checked(text)

    def _checked(self, text: str) -> Verdict:
        name = next((name for name, pattern in self._topics.items() if pattern.search(text)), None)
        return ALLOW if name is None else Block(f"{name} is not talked about here")


def _pattern(name: str, rules: Sequence[str]) -> re.Pattern[str]:
    if not rules or not all(rule.strip() for rule in rules):
        raise InvalidRequestError(
            f"topics[{name!r}]={shown(rules)} is not valid: it must be words, phrases or /patterns/"
        )
    try:
        return re.compile("|".join(map(_alternative, rules)), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise InvalidRequestError(f"topics[{name!r}]={shown(rules)} has no regular expression: {error}") from None


def _alternative(rule: str) -> str:
    if len(rule) > 2 and rule[0] == rule[-1] == "/":
        return f"(?:{rule[1:-1]})"
    words = r"\s+".join(map(re.escape, rule.split()))
    return rf"(?<!\w){words}(?!\w)"
