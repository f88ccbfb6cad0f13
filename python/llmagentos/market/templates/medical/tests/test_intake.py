"""Answers become what the form allows, or nothing."""

from __future__ import annotations

import pytest
from intake import Intake, noted, read_age, read_complaint, read_duration, read_severity, read_temperature
from pydantic import ValidationError
from urgency import Level, findings


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_complaint, "My head hurts and I cough", "headache"),
        (read_complaint, "7", "back pain"),
        (read_complaint, "I feel odd", None),
        (read_complaint, "12", None),
        (read_duration, "for three days", 3),
        (read_duration, "2 weeks", 14),
        (read_duration, "since yesterday", 1),
        (read_duration, "a couple of days", 2),
        (read_duration, "long", None),
        (read_severity, "6 out of 10", 6),
        (read_severity, "7", 7),
        (read_severity, "11", None),
        (read_severity, "bad", None),
        (read_temperature, "38,5", 38.5),
        (read_temperature, "101.3 F", 38.5),
        (read_temperature, "60", None),
        (read_age, "8 months", 0.66),
        (read_age, "I am 34", 34),
        (read_age, "130", None),
        (read_age, "he is a 5 year old", 5),
        (read_age, "can i take 2 tablets", None),
    ],
)
def test_reading(read: object, text: str, value: object) -> None:
    assert callable(read)
    assert read(text) == value


def test_a_description_is_noted_as_far_as_it_is_plain() -> None:
    assert noted("I'm 34 and have had a sore throat for 2 days, about 6 out of 10, temperature 38.2") == {
        "complaint": "sore throat", "duration": 2, "severity": 6, "temperature": 38.2, "age": 34,
    }  # fmt: skip
    assert noted("I feel unwell") == {}


def test_the_form_takes_nothing_else() -> None:
    with pytest.raises(ValidationError):
        Intake(severity=11)
    with pytest.raises(ValidationError):
        Intake.model_validate({"diagnosis": "flu"})


@pytest.mark.parametrize(
    ("intake", "level", "reason"),
    [
        (Intake(complaint="headache", onset="suddenly", severity=9), "emergency", "severe headache"),
        (Intake(complaint="fever", age=0.1), "emergency", "under three months"),
        (Intake(complaint="cough", temperature=38.5, duration=4), "today", "three days"),
        (Intake(complaint="fever", temperature=38.5, conditions="Diabetes"), "today", "known illness"),
        (Intake(complaint="sore throat", duration=10), "within days", "longer"),
        (Intake(complaint="back pain", severity=8), "today", "severity of 8"),
    ],
)
def test_how_soon(intake: Intake, level: Level, reason: str) -> None:
    first = findings(intake)[0]
    assert first.level == level
    assert reason in first.reason


def test_a_light_and_short_complaint_meets_no_rule() -> None:
    assert findings(Intake(complaint="cough", age=30, duration=3, severity=3, pregnant="no", conditions="none")) == []
