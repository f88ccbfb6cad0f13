"""What must not wait is seen, in many words for it; ordinary complaints raise no alarm."""

from __future__ import annotations

from pathlib import Path

import pytest
from main import FOLDER
from red_flags import RedFlags

from llmagentos.errors import InvalidRequestError

RED_FLAGS = RedFlags(FOLDER / "red_flags.toml")


def lines(name: str) -> list[str]:
    """What people may write, a line each."""
    return (Path(__file__).with_name(name)).read_text(encoding="utf-8").splitlines()


MUST = [
    ("I have chest pain", "chest pain"),
    ("My chest really hurts", "chest pain"),
    ("there is a tight feeling in my chest", "chest pain"),
    ("CRUSHING PRESSURE ON MY CHEST", "chest pain"),
    ("I think it's a heart attack", "chest pain"),
    ("I can't breathe", "trouble breathing"),
    ("i can’t breath properly", "trouble breathing"),
    ("she is struggling to breathe", "trouble breathing"),
    ("short of breath since this morning", "trouble breathing"),
    ("his lips are turning blue", "trouble breathing"),
    ("he is not breathing", "trouble breathing"),
    ("he has trouble breahting", "trouble breathing"),
    ("her face is drooping", "signs of a stroke"),
    ("my left arm went numb", "signs of a stroke"),
    ("weakness on one side", "signs of a stroke"),
    ("his speech is slurred", "signs of a stroke"),
    ("I suddenly lost my vision", "sudden loss of sight"),
    ("the bleeding won't stop", "heavy bleeding"),
    ("I am vomiting blood", "heavy bleeding"),
    ("black tarry stools", "heavy bleeding"),
    ("he passed out", "loss of consciousness or a fit"),
    ("my son is having a siezure", "loss of consciousness or a fit"),
    ("she won't wake up", "loss of consciousness or a fit"),
    ("grandpa is suddenly confused", "sudden confusion"),
    ("my tongue is swelling", "a severe allergic reaction"),
    ("swollen lips after a peanut", "a severe allergic reaction"),
    ("headache, fever and a stiff neck", "signs of meningitis"),
    ("the worst headache of my life", "a sudden or worst-ever headache"),
    ("a headache that came suddenly", "a sudden or worst-ever headache"),
    ("he hit his head and keeps vomiting", "a head injury with signs of danger"),
    ("my toddler swallowed a button battery", "poisoning or too much of a medicine"),
    ("I took too many pills", "poisoning or too much of a medicine"),
    ("my 3 week old has a fever", "fever or not drinking in a small baby"),
    ("I'm pregnant and bleeding", "bleeding, strong pain or a still baby in pregnancy"),
    ("back pain and I lost control of my bladder", "pressure on the nerves of the back"),
    ("I want to die", "thoughts of ending your life"),
    ("I feel suicidal", "thoughts of ending your life"),
    ("i dont want to live anymore", "thoughts of ending your life"),
    ("she wants to kill herself", "thoughts of ending your life"),
    ("It's not just a cough, I have chest pain too", "chest pain"),
    ("I'm not sure if it is chest pain", "chest pain"),
]

MUST_NOT = [
    "I have had a headache for three days",
    "my throat is sore and I cough",
    "a fever of 38.5 since yesterday",
    "my lower back hurts after gardening",
    "no chest pain",
    "I don't have any chest pain, just a cough",
    "he has a cold, without trouble breathing",
    "she did not faint",
    "an itchy rash on my arm",
    "I feel sick and threw up twice",
    "What helps with a cough?",
    "none",
    "3 days",
    "ibuprofen",
]


@pytest.mark.parametrize(("text", "name"), MUST)
def test_raised(text: str, name: str) -> None:
    flag = RED_FLAGS.found_in(text)
    assert flag is not None
    assert flag.name == name
    assert flag.crisis == (name == "thoughts of ending your life")


@pytest.mark.parametrize("text", lines("urgent.txt"))
def test_raised_by_any_rule(text: str) -> None:
    assert RED_FLAGS.found_in(text) is not None


@pytest.mark.parametrize("text", [*MUST_NOT, *lines("ordinary.txt")])
def test_not_raised(text: str) -> None:
    assert RED_FLAGS.found_in(text) is None


def test_broken_rules_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('spelling = []\n[[rules]]\nname = "a"\npatterns = ["("]')
    with pytest.raises(InvalidRequestError, match=r"rules\.toml"):
        RedFlags(tmp_path / "rules.toml")
