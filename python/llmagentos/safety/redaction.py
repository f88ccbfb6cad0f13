"""Secrets and personal data: found by their form, and replaced by what they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.safety.guard import ALLOW, Guard, Replace, Verdict


@dataclass(frozen=True, slots=True)
class Form:
    """What some kind of data looks like.

    Attributes:
        pattern: whose group "value", or else all of it, is replaced.
        is_valid: whether what the pattern finds is such data.
    """

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool] = lambda _: True


def passes_luhn(number: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812)."""
    digits = [int(letter) for letter in number if letter.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def passes_mod_97(iban: str) -> bool:
    """Whether an account number's check digits are right (ISO 13616)."""
    compact = iban.replace(" ", "").upper()
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


FORMS: Mapping[str, Form] = {
    "private key": Form(
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
    ),
    "token": Form(
        re.compile(
            r"\b(?:sk-[\w-]{20,}|gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}"
            r"|AIza[\w-]{35}|hf_\w{30,}|glpat-[\w-]{20,}|(?<!-)eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
        )
    ),
    "password": Form(
        re.compile(
            r"\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)\b[\"']?\s*[:=]\s*[\"']?(?P<value>[^\s\"',;]{4,})",
            re.IGNORECASE,
        )
    ),
    "e-mail address": Form(re.compile(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b")),
    "card number": Form(re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])"), passes_luhn),
    "account number": Form(re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), passes_mod_97),
    "telephone number": Form(re.compile(r"(?<![\w+])\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}\b|\(\d{3}\) ?\d{3}-\d{4}\b")),
    "social security number": Form(re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}\b")),
    "IP address": Form(
        re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"),
        lambda text: all(int(part) < 256 for part in text.split(".")),
    ),
}


class RedactionGuard(Guard):
    """Replaces secrets and personal data in what the model is shown and in what it says.

    Args:
        kinds: of data to replace, of `FORMS`; None takes all.
        in_calls: whether arguments of tools are changed too, which keeps what a user gave from tools that need it.

    Raises:
        InvalidRequestError: a kind that there is not.
    """

    def __init__(self, kinds: Iterable[str] | None = None, *, in_calls: bool = False) -> None:
        self._kinds = list(FORMS if kinds is None else kinds)
        for kind in self._kinds:
            if kind not in FORMS:
                raise InvalidRequestError(f"kinds={shown(kind)} is not valid: there are {', '.join(FORMS)}")
        self._in_calls = in_calls

    def check_input(self, text: str, /) -> Verdict:
        return self._redacted(text)

    def check_output(self, text: str, /) -> Verdict:
        return self._redacted(text)

    def check_call(self, text: str, _tool: str, /) -> Verdict:
        return self._redacted(text) if self._in_calls else ALLOW

    def check_result(self, text: str, _tool: str, /) -> Verdict:
        return self._redacted(text)

    def _redacted(self, text: str) -> Verdict:
        found: Counter[str] = Counter()
        for kind in self._kinds:
            form = FORMS[kind]

            def replaced(match: re.Match[str], kind: str = kind, form: Form = form) -> str:
                if not form.is_valid(match[0]):
                    return match[0]
                found[kind] += 1
                if "value" not in match.re.groupindex:
                    return f"[{kind}]"
                start, end = (place - match.start() for place in match.span("value"))
                return f"{match[0][:start]}[{kind}]{match[0][end:]}"

            text = form.pattern.sub(replaced, text)
        if not found:
            return ALLOW
        return Replace(text, ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in found.items()))
