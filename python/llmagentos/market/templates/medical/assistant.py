"""The assistant: red flags first, then the form, then information; a person may ask in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from intake import FORM, NOT_SAID, RED_FLAGS, Complaint, FormQuestion, Intake, noted, read_complaint
from leaflets import Leaflets
from red_flags import RedFlag, RedFlags
from texts import CRISIS, EMERGENCY, INTRODUCTION, LEVELS, NO_ALL_CLEAR, NO_DIAGNOSIS, NO_DOSES, NOT_KNOWN
from urgency import findings

from llmagentos import Agent

Suggest = Callable[[str], "Complaint | None"]
"""Which complaint a description is about, where its words do not say so."""

_ASKING = re.compile(r"(what|how|when|why|which|who|where|should|can|could|may|is|are|do|does) ", re.IGNORECASE)
_DIAGNOSIS = re.compile(
    r"diagnos|what('s| is)? (do i have|is it|wrong with)|what (do|could|might|does) (i|he|she|it|this) (have|be|mean)|"
    r"(do|does|could|might) (i|he|she) have|(is|could|might) (it|this|that) (be )?(a |an )?"
    r"(cancer|tumou?r|flu|covid|infection|migraine|serious|pneumonia|appendicitis)",
    re.IGNORECASE,
)
_GUESS = re.compile(r"^(is|could|might|can|would) (it|this|that) ", re.IGNORECASE)
_ABOUT_ME = re.compile(r"\b(who|what) are you\b|\b(do|can|are) you\b", re.IGNORECASE)
_DOSE = re.compile(
    r"how (much|many|often)\b.*\b(take|give|tablets?|pills?|use)|\bdos(e|es|age)\b|\d ?mg\b|"
    r"(can|should|may) (i|he|she|we) (take|give|use) |which (medicine|painkiller|drug|antibiotic)",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"(hi|hello|hey|good (morning|afternoon|evening|day)|thanks?|thank you|help me)\b.{0,12}", re.IGNORECASE
)
_LEAFLETS = {"stomach ache": "stomach", "diarrhoea or vomiting": "diarrhoea-vomiting"}


class Assistant(Agent):
    """Takes the intake of one complaint.

    Args:
        suggest: asked only after the red flags found nothing in the text, and what it says is confirmed by the person.
        sensor: as for `Agent`.
    """

    def __init__(
        self, red_flags: RedFlags, leaflets: Leaflets, suggest: Suggest | None = None, *, sensor: Any = None
    ) -> None:
        super().__init__(sensor=sensor)
        self._red_flags, self._leaflets, self._suggest = red_flags, leaflets, suggest
        self._begin()

    def _begin(self) -> None:
        self.intake = Intake()
        self.flags: list[str] = []
        self._answered: set[str] = set()
        self._order: list[str] = []
        self._emergency: str | None = None
        self._suggested: Complaint | None = None

    def act(self, observation: Any) -> dict[str, str]:
        """Answers one line."""
        return {"text": self.reply(observation["text"].strip())}

    def reply(self, text: str) -> str:
        """What the assistant says to a line of the person."""
        if flag := self._red_flags.found_in(text):
            return self._raise_flag(flag)
        said = text.lower().rstrip(".!")
        if said == "restart":
            self._begin()
            return INTRODUCTION
        if said == "help":
            return INTRODUCTION
        if self._emergency is not None:
            return self._after_flag(said)
        if said in ("summary", "json"):
            return self.summary() if said == "summary" else self.intake.model_dump_json(exclude_none=True, indent=2)
        if said == "back":
            return self._back()
        if self._suggested is not None:
            return self._confirmed(said)
        if self._asks(text):
            return self._with_open_question(self._information(text))
        if self.intake.description is None:
            return self._described(text)
        question = self._open
        if question is None and _COURTESY.fullmatch(text):
            return "You are welcome. Say restart for another complaint."
        return self._with_open_question(self._information(text)) if question is None else self._filled(question, text)

    def _asks(self, text: str) -> bool:
        """Whether a line is a question rather than a description, or an answer that the form's open question takes."""
        if text.endswith("?"):
            return True
        if self.intake.description is None:
            return _ASKING.match(text) is not None and read_complaint(text) is None
        return _ASKING.match(text) is not None and (self._open is None or self._open.read(text) is None)

    # Red flags

    def _raise_flag(self, flag: RedFlag) -> str:
        if flag.name not in self.flags:
            self.flags.append(flag.name)
        self._emergency = CRISIS if flag.crisis else EMERGENCY.format(reason=f"{flag.name}: “{flag.words}”")
        return self._emergency

    def _after_flag(self, said: str) -> str:
        if said != "continue":
            return self._emergency or ""
        self._emergency = None
        if self.intake.description is None:
            return "Then describe in your own words what troubles you. A doctor should still hear of what you said."
        return self._with_open_question("I go on, and keep a note of it for the doctor.")

    # The form

    @property
    def _open(self) -> FormQuestion | None:
        """The question of the form that is to be answered; None at its end."""
        return next((q for q in FORM if q.field not in self._answered and self._applies(q)), None)

    def _applies(self, question: FormQuestion) -> bool:
        age = self.intake.age
        return question.field != "pregnant" or age is None or 12 <= age <= 55

    def _described(self, text: str) -> str:
        if _COURTESY.fullmatch(text) and read_complaint(text) is None:
            return INTRODUCTION
        self.intake.description = text[:500]
        for field, value in noted(text).items():
            self._note(field, value)
        noticed = self._noted_so_far()
        if "complaint" not in self._answered and self._suggest is not None:
            self._suggested = self._suggest(text)
            if self._suggested is not None:
                return f"{noticed}Is it mostly about {self._suggested}? (yes or no)"
        return self._with_open_question(noticed.strip())

    def _noted_so_far(self) -> str:
        told = ", ".join(f"{field} {_shown(field, getattr(self.intake, field))}" for field in self._order)
        return f"I noted: {told}. (Say back if that is wrong.)\n" if told else ""

    def _confirmed(self, said: str) -> str:
        suggested, self._suggested = self._suggested, None
        if re.match(r"y(es)?\b", said):
            self._note("complaint", suggested)
        return self._with_open_question("")

    def _filled(self, question: FormQuestion, text: str) -> str:
        skipped = question.may_be_skipped and text.lower().rstrip(".!") in NOT_SAID
        value = None if skipped else question.read(text)
        if value is None and not skipped:
            return f"I need {question.expected}{', or skip' if question.may_be_skipped else ''}. {question.prompt}"
        self._note(question.field, value)
        if question.field == "red_flag" and value != "none":
            return self._raise_flag(RedFlag(str(value), text, crisis=value == RED_FLAGS[-1]))
        urgent = [finding for finding in findings(self.intake) if finding.level == "emergency"]
        if urgent and urgent[0].reason not in self.flags:
            return self._raise_flag(RedFlag(urgent[0].reason, text))
        return self._with_open_question("")

    def _note(self, field: str, value: object) -> None:
        setattr(self.intake, field, value)
        self._answered.add(field)
        self._order.append(field)

    def _back(self) -> str:
        if self._order:
            field = self._order.pop()
            self._answered.discard(field)
            setattr(self.intake, field, None)
        return self._with_open_question("")

    def _with_open_question(self, text: str) -> str:
        """The text, and after it the form's next question, or its outcome where that was the last."""
        if self.intake.description is None:
            return text or INTRODUCTION
        question = self._open
        if question is not None:
            return f"{text}\n\n{question.prompt}".strip()
        return text or f"{self.summary()}\n\n{self._leaflet()}"

    # What is known

    def _information(self, text: str) -> str:
        if _DIAGNOSIS.search(text):
            return NO_DIAGNOSIS
        if _DOSE.search(text):
            return NO_DOSES
        if _ABOUT_ME.search(text):
            return INTRODUCTION
        complaint = read_complaint(text)  # nobody who asks about one complaint is told of another
        own = self.intake.complaint if complaint is None else None  # which "what helps?" is about
        told = self._leaflets.about(text, _leaflet_of(own)) if own is not None else None
        told = told or self._leaflets.about(text, None if complaint is None else _leaflet_of(complaint))
        return told or (NO_DIAGNOSIS if _GUESS.search(text) else NOT_KNOWN)

    def _leaflet(self) -> str:
        found = self._leaflets.on(_leaflet_of(self.intake.complaint or "other"))
        return found or f"I have no leaflet about this. {NOT_KNOWN}"

    def summary(self) -> str:
        """The intake for a doctor, and how soon one should see it."""
        values = self.intake.model_dump(exclude_none=True)
        lines = ["Summary for a doctor (asked by a program; nobody has examined the person):"]
        lines += [f"  {_label(field)}: {_shown(field, value)}" for field, value in values.items()]
        not_said = [_label(q.field) for q in FORM if q.field not in values and self._applies(q)]
        if not_said:
            lines.append(f"  not said: {', '.join(not_said)}")
        if self.flags:
            lines.append(f"  red flags mentioned: {', '.join(self.flags)}")
        return "\n".join([*lines, *self._urgency()])

    def _urgency(self) -> list[str]:
        found = findings(self.intake)
        level = found[0].level if found else "watch"
        if self.flags and level in ("watch", "within days"):
            level = "today"
        reasons = ", ".join([*self.flags, *(finding.reason for finding in found if finding.level == level)])
        return [f"{LEVELS[level]}{', because of: ' + reasons if reasons else ''}.", NO_ALL_CLEAR]


def _leaflet_of(complaint: Complaint) -> str:
    return _LEAFLETS.get(complaint, complaint.replace(" ", "-"))


def _label(field: str) -> str:
    return "red flags on the list" if field == "red_flag" else field.replace("_", " ")


def _shown(field: str, value: object) -> str:
    units = {"age": " years", "duration": " days", "severity": " of 10", "temperature": " °C"}
    if field not in units or not isinstance(value, (int, float)):
        return str(value)
    unit = units[field].removesuffix("s") if value == 1 and field in ("age", "duration") else units[field]
    return f"{value:g}{unit}"
