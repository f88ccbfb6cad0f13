"""The intake: a form of questions whose answers can only be what the form allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Complaint = Literal[
    "headache", "fever", "sore throat", "cough", "stomach ache", "diarrhoea or vomiting", "back pain", "rash", "other"
]
Onset = Literal["suddenly", "within hours", "within days"]
Answer = Literal["yes", "no", "does not apply"]
RedFlagAnswer = Literal[
    "none",
    "pain or pressure in the chest",
    "trouble breathing, or blue, grey or blotchy lips or skin",
    "weakness or numbness on one side or between the legs, or trouble speaking or seeing",
    "bleeding that does not stop, bleeding in pregnancy, or vomiting blood",
    "fainting, a fit, or confusion",
    "a swollen face, tongue or throat",
    "a sudden or very strong pain, or a fever with a stiff neck or a rash that does not fade",
    "a poisoning or too much of a medicine",
    "thoughts of ending one's life",
]
RED_FLAGS: tuple[RedFlagAnswer, ...] = get_args(RedFlagAnswer)[1:]
COMPLAINTS: tuple[Complaint, ...] = get_args(Complaint)
ONSETS: tuple[Onset, ...] = get_args(Onset)

NOT_SAID = ("skip", "i don't know", "don't know", "unknown", "not measured", "no idea")


class Intake(BaseModel):
    """What a person said of a complaint; None where it was not said.

    Attributes:
        age: in years.
        duration: in days.
        severity: from 0, none, to 10, the worst imaginable.
        temperature: in degrees Celsius.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    red_flag: RedFlagAnswer | None = None
    complaint: Complaint | None = None
    description: str | None = None
    age: float | None = Field(default=None, ge=0, le=120)
    pregnant: Answer | None = None
    onset: Onset | None = None
    duration: float | None = Field(default=None, ge=0, le=36500)
    severity: int | None = Field(default=None, ge=0, le=10)
    temperature: float | None = Field(default=None, ge=33, le=43)
    other_symptoms: str | None = None
    conditions: str | None = None
    medicines: str | None = None
    allergies: str | None = None


@dataclass(frozen=True, slots=True)
class FormQuestion:
    """A question of the form.

    Attributes:
        field: of the intake that it is for.
        read: the value that an answer says, or None where it says none.
        expected: what an answer must look like, for a person.
        may_be_skipped: whether the form goes on without an answer.
    """

    field: str
    prompt: str
    read: Callable[[str], object]
    expected: str
    may_be_skipped: bool = True


_WORDS: Mapping[Complaint, str] = {
    "headache": r"head ?aches?|migraines?|head (?:hurts|is pounding)|pain in my head",
    "fever": r"fever\w*|high temperature|shivery",
    "sore throat": r"(?:sore|scratchy|painful) throat|throat (?:hurts|is sore|ache)|hurts to swallow",
    "cough": r"cough\w*",
    "stomach ache": r"(?:stomach|tummy|belly|abdom\w+)(?: \w+)? ?(?:ache|pain|cramps?|hurts)|stomach ?ache",
    "diarrhoea or vomiting": r"diarrh?o?ea|vomit\w*|throw(?:ing)? up|threw up|loose stools?|the runs",
    "back pain": r"back ?(?:ache|pain|hurts)|pain in my (?:lower )?back",
    "rash": r"rash|hives|itchy (?:skin|spots)",
}
_UNITS = {"hour": 1 / 24, "day": 1.0, "night": 1.0, "week": 7.0, "month": 30.0, "year": 365.0}
_ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: i for i, word in enumerate(_ENGLISH)} | {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 5}
_NUMBER = rf"(\d+(?:[.,]\d+)?|{'|'.join(_NUMBERS)})"
_SPAN = re.compile(rf"\b{_NUMBER}(?: of)?\s+(hour|day|night|week|month|year)s?\b")


def read_complaint(text: str) -> Complaint | None:
    """The complaint that a text names first, by its words or by its number in the list."""
    said = text.strip().lower()
    if said.isdigit() and 1 <= int(said) <= len(COMPLAINTS):
        return COMPLAINTS[int(said) - 1]
    if said == "other":
        return "other"
    found = [(match.start(), name) for name, words in _WORDS.items() if (match := re.search(rf"\b(?:{words})\b", said))]
    return min(found)[1] if found else None


def read_red_flag(text: str) -> RedFlagAnswer | None:
    """The red flag of the list that an answer names by its number, or that there is none."""
    said = text.strip().lower().rstrip(".!")
    if re.fullmatch(r"(no|none|nope|nothing|not?)( of (these|them|those|this))?|0", said):
        return "none"
    number = int(said) if said.isdigit() else 0
    return RED_FLAGS[number - 1] if 1 <= number <= len(RED_FLAGS) else None


def read_duration(text: str) -> float | None:
    """Days: "three days", "since yesterday", "2 weeks", "a few hours"."""
    said = text.lower()
    for words, days in (("since yesterday", 1.0), ("last night", 0.5), ("this morning", 0.3), ("today", 0.3)):
        if words in said:
            return days
    if match := _SPAN.search(said):
        return round(_number(match[1]) * _UNITS[match[2]], 2)
    return None


def read_severity(text: str) -> int | None:
    """A whole number from 0 to 10, alone or as "6 out of 10"."""
    match = re.fullmatch(r"(?:about |maybe )?(\d{1,2})(?: ?(?:/|out of) ?10)?", text.strip().lower())
    return int(match[1]) if match and int(match[1]) <= 10 else None


def read_temperature(text: str) -> float | None:
    """Degrees Celsius; what is above 90 is taken for Fahrenheit."""
    match = re.search(r"\b(\d{2,3}(?:[.,]\d)?)\b", text)
    if match is None:
        return None
    degrees = float(match[1].replace(",", "."))
    celsius = (degrees - 32) / 1.8 if degrees > 90 else degrees
    return round(celsius, 1) if 33 <= celsius <= 43 else None


def read_age(text: str) -> float | None:
    """Years: "34", "she is 34 years old", "8 months"."""
    said = text.strip().lower().rstrip(".")
    match = re.fullmatch(r"(?:[a-z']+ ){0,3}(\d{1,3})(?:[ -]*(day|week|month|year)s?)?(?:[ -]old)?", said)
    if match is None:
        return None
    years = round(int(match[1]) * _UNITS[match[2] or "year"] / 365, 2)
    return years if years <= 120 else None


def _number(text: str) -> float:
    return float(_NUMBERS[text]) if text in _NUMBERS else float(text.replace(",", "."))


def _one_of(values: tuple[str, ...], **ways: str) -> Callable[[str], object]:
    """Reads a choice: its number, itself, or what a pattern of its ways says (by position)."""

    def read(text: str) -> object:
        said = text.strip().lower()
        if said.isdigit() and 1 <= int(said) <= len(values):
            return values[int(said) - 1]
        if said in values:
            return said
        return next((value for value, way in zip(values, ways.values(), strict=False) if re.search(way, said)), None)

    return read


def _text(text: str) -> object:
    return text.strip()[:500] or None


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"{i} {value}" for i, value in enumerate(values, 1))


ANSWERS: tuple[Answer, ...] = get_args(Answer)
_RED_FLAG_LINES = "".join(f"\n  {i} {flag}" for i, flag in enumerate(RED_FLAGS, 1))
FORM: tuple[FormQuestion, ...] = (
    FormQuestion(
        "red_flag",
        f"First of all: is any of these there now? (say its number, or none){_RED_FLAG_LINES}",
        read_red_flag,
        "the number of what is there, or none",
        may_be_skipped=False,
    ),
    FormQuestion(
        "complaint",
        f"What troubles you most? ({_listed(COMPLAINTS)})",
        read_complaint,
        "one of these, by name or number",
    ),
    FormQuestion("age", "How old is the person? (years; or, say, 8 months)", read_age, "an age from 0 to 120 years"),
    FormQuestion(
        "pregnant",
        f"Is the person pregnant, or could they be? ({_listed(ANSWERS)})",
        _one_of(ANSWERS, yes=r"^(y|yes|maybe|possibly)\b", no=r"^(n|no|not)\b", other=r"male|man|boy|apply"),
        "yes, no, or does not apply",
    ),
    FormQuestion(
        "onset",
        f"How did it begin? ({_listed(ONSETS)})",
        _one_of(
            ONSETS, sudden=r"sudden|at once|out of nowhere|seconds|minutes", hours=r"hour", days=r"day|slow|gradual"
        ),
        "suddenly, within hours, or within days",
    ),
    FormQuestion(
        "duration", "How long has it lasted?", read_duration, "a time such as 3 days, 2 weeks, since yesterday"
    ),
    FormQuestion(
        "severity", "How bad is it, from 0 (nothing) to 10 (the worst)?", read_severity, "a number from 0 to 10"
    ),
    FormQuestion(
        "temperature",
        "What is the temperature, if it was measured? (else: skip)",
        read_temperature,
        "degrees, such as 38.5",
    ),
    FormQuestion("other_symptoms", "What else is there? (any other symptom, or none)", _text, "a few words"),
    FormQuestion("conditions", "Which illnesses are known? (such as diabetes, asthma; or none)", _text, "a few words"),
    FormQuestion("medicines", "Which medicines are taken? (or none)", _text, "a few words"),
    FormQuestion("allergies", "Which allergies are known? (or none)", _text, "a few words"),
)


def noted(text: str) -> dict[str, object]:
    """What a description in free words says already; only what it says plainly."""
    said = text.lower()
    found: dict[str, object] = {"complaint": read_complaint(text), "duration": read_duration(text)}
    if match := re.search(r"\b(\d{1,2}) ?(?:/|out of) ?10\b", said):
        found["severity"] = read_severity(match[0])
    if match := re.search(r"\b(?:temperature|fever)\D{0,12}(\d{2,3}(?:[.,]\d)?)", said):
        found["temperature"] = read_temperature(match[1])
    if match := re.search(r"\b(?:i'm|i am|he is|she is|aged?) (\d{1,3})\b(?! ?(?:/|out of|days|weeks|hours))", said):
        found["age"] = read_age(match[1])
    return {field: value for field, value in found.items() if value is not None}
