"""How soon a doctor should see it: rules over the form, each with its reason. They say nothing of what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from intake import Intake

Level = Literal["emergency", "today", "within days", "watch"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that the form meets."""

    level: Level
    reason: str


def _is(value: object, *allowed: object) -> bool:
    return value is not None and value in allowed


def _least(value: float | None, least: float) -> bool:
    return value is not None and value >= least


def _below(value: float | None, bound: float) -> bool:
    return value is not None and value < bound


_USUAL_DAYS: dict[str, int] = {
    "headache": 7, "fever": 3, "sore throat": 7, "cough": 21, "stomach ache": 5, "diarrhoea or vomiting": 7,
    "back pain": 28, "rash": 7,
}  # fmt: skip
_LEVELS: tuple[Level, ...] = get_args(Level)
_RISKS = re.compile(
    r"diabet|chemo|cancer|immun|hiv|transplant|heart|kidney|liver|asthma|copd|blood thinner|warfarin|steroid|"
    r"cortisone|sickle",
    re.IGNORECASE,
)


def _at_risk(it: Intake) -> bool:
    return any(text is not None and _RISKS.search(text) is not None for text in (it.conditions, it.medicines))


_RULES: tuple[tuple[Level, str, Callable[[Intake], bool]], ...] = (
    (
        "emergency",
        "a severe headache that began suddenly",
        lambda it: it.complaint == "headache" and it.onset == "suddenly" and _least(it.severity, 7),
    ),
    (
        "emergency",
        "a fever in a baby under three months",
        lambda it: _below(it.age, 0.26) and (it.complaint == "fever" or _least(it.temperature, 38)),
    ),
    ("emergency", "a temperature of 41 °C or more", lambda it: _least(it.temperature, 41)),
    (
        "emergency",
        "severe pain in the belly that began suddenly",
        lambda it: it.complaint == "stomach ache" and it.onset == "suddenly" and _least(it.severity, 8),
    ),
    (
        "emergency",
        "pain in the belly in pregnancy",
        lambda it: it.complaint == "stomach ache" and it.pregnant == "yes" and _least(it.severity, 5),
    ),
    ("today", "a severity of 8 or more", lambda it: _least(it.severity, 8)),
    ("today", "a temperature of 39.5 °C or more", lambda it: _least(it.temperature, 39.5)),
    ("today", "a fever for three days or more", lambda it: _fever(it) and _least(it.duration, 3)),
    ("today", "a fever in a baby under six months", lambda it: _fever(it) and _below(it.age, 0.5)),
    ("today", "a fever in pregnancy", lambda it: _fever(it) and it.pregnant == "yes"),
    (
        "today",
        "diarrhoea or vomiting in a baby or at a high age",
        lambda it: it.complaint == "diarrhoea or vomiting" and (_below(it.age, 1) or _least(it.age, 75)),
    ),
    ("today", "a rash with a fever", lambda it: it.complaint == "rash" and _least(it.temperature, 38)),
    (
        "within days",
        "that it has lasted longer than such complaints mostly do",
        lambda it: _least(it.duration, _USUAL_DAYS.get(it.complaint or "other", 14)),
    ),
    ("within days", "a severity of 6 or 7", lambda it: _is(it.severity, 6, 7)),
    ("within days", "pregnancy", lambda it: it.pregnant == "yes"),
    ("within days", "a known illness or a medicine that can make complaints more serious", _at_risk),
    (
        "today",
        "a fever with a known illness or a medicine that can make it more serious",
        lambda it: _fever(it) and _at_risk(it),
    ),
)


def _fever(it: Intake) -> bool:
    return it.complaint == "fever" or _least(it.temperature, 38)


def findings(it: Intake) -> list[Finding]:
    """All rules that the form meets, the most urgent first."""
    met = [Finding(level, reason) for level, reason, meets in _RULES if meets(it)]
    return sorted(met, key=lambda finding: _LEVELS.index(finding.level))
