"""The assistant, as a person sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from assistant import Assistant
from intake import Complaint
from leaflets import Leaflets
from main import FOLDER, conversation
from red_flags import RedFlags
from texts import CRISIS, INTRODUCTION, NO_DIAGNOSIS, NO_DOSES, NOT_KNOWN

from llmagentos.errors import InvalidRequestError

ANSWERS = ["none", "34", "no", "within days", "4", "37.4", "a runny nose", "none", "none", "penicillin"]


@pytest.fixture
def assistant() -> Assistant:
    return conversation()


def test_the_form_is_asked_to_its_end_and_gives_a_summary_and_the_leaflet(assistant: Assistant) -> None:
    told = assistant.reply("I have had a sore throat for two days")
    assert "I noted: complaint sore throat, duration 2 days" in told
    for answer in ANSWERS:
        told = assistant.reply(answer)
    assert "complaint: sore throat" in told
    assert "allergies: penicillin" in told
    assert "None of my rules calls for a doctor at once" in told
    assert "no all-clear" in told
    assert "[sore-throat.md:" in told
    assert "Based on: NHS" in told
    assert json.loads(assistant.reply("json"))["temperature"] == 37.4


def test_a_question_that_names_no_complaint_is_about_the_person_s(assistant: Assistant) -> None:
    assistant.reply("I have had a sore throat for two days")
    for answer in ANSWERS:
        assistant.reply(answer)
    assert "[sore-throat.md:" in assistant.reply("What helps?")
    assert "[rash.md:" in assistant.reply("What helps against an itchy rash?")
    assert assistant.reply("Thank you!").startswith("You are welcome.")


@pytest.mark.parametrize("text", ["Hello", "hi there!", "Good morning", "thanks"])
def test_a_greeting_describes_nothing(text: str) -> None:
    greeted = Assistant(RedFlags(FOLDER / "red_flags.toml"), Leaflets(FOLDER / "leaflets"), lambda _: "back pain")
    assert greeted.reply(text) == INTRODUCTION
    assert "complaint sore throat" in greeted.reply("Hello, I have a sore throat")


def test_a_red_flag_stops_everything_at_once(assistant: Assistant) -> None:
    assistant.reply("I have a cough since yesterday")
    assert assistant.reply("34, and now I have chest pain").startswith("THIS MAY BE AN EMERGENCY (chest pain")
    assert assistant.reply("no").startswith("THIS MAY BE AN EMERGENCY")
    assert assistant.reply("what helps with a cough?").startswith("THIS MAY BE AN EMERGENCY")
    assert "is any of these there now?" in assistant.reply("continue")
    assert "red flags mentioned: chest pain" in assistant.reply("summary")
    assert "See or call a doctor today, because of: chest pain" in assistant.reply("summary")


def test_the_model_never_sees_a_text_with_a_red_flag() -> None:
    seen: list[str] = []

    def suggest(text: str) -> Complaint | None:
        seen.append(text)
        return "cough"

    assistant = Assistant(RedFlags(FOLDER / "red_flags.toml"), Leaflets(FOLDER / "leaflets"), suggest)
    assert "EMERGENCY" in assistant.reply("something is wrong, he is unconscious")
    assert seen == []
    assistant.reply("restart")
    assert "Is it mostly about cough?" in assistant.reply("something in my chest that tickles")
    assert seen == ["something in my chest that tickles"]
    assert "is any of these there now?" in assistant.reply("no")
    assert "What troubles you most?" in assistant.reply("none")


def test_an_emergency_by_the_form_is_told_as_soon_as_it_is_known(assistant: Assistant) -> None:
    for answer in ("I have a headache", "none", "50", "no", "suddenly", "1 hour"):
        told = assistant.reply(answer)
    assert "How bad" in told
    assert "a severe headache that began suddenly" in assistant.reply("9")
    assert "What is the temperature" in assistant.reply("continue")


def test_red_flags_are_asked_for_and_cannot_be_skipped(assistant: Assistant) -> None:
    assert "1 pain or pressure in the chest" in assistant.reply("I have a cough")
    assert assistant.reply("skip").startswith("I need the number of what is there, or none.")
    assert assistant.reply("2").startswith("THIS MAY BE AN EMERGENCY (trouble breathing")
    assistant.reply("restart")
    assistant.reply("I cannot sleep")
    assert assistant.reply("9") == CRISIS


def test_a_crisis_gets_its_own_words(assistant: Assistant) -> None:
    assert assistant.reply("I want to end it all") == CRISIS


@pytest.mark.parametrize(
    "text", ["What do I have?", "Could it be cancer?", "Do I have the flu?", "what's wrong with me?", "Is it strep?"]
)
def test_no_diagnosis(assistant: Assistant, text: str) -> None:
    assert assistant.reply(text).startswith(NO_DIAGNOSIS)


@pytest.mark.parametrize("text", ["How much ibuprofen can I take?", "Can I give my child aspirin?", "Is 400 mg safe?"])
def test_no_doses(assistant: Assistant, text: str) -> None:
    assert assistant.reply(text).startswith(NO_DOSES)


@pytest.mark.parametrize(
    ("text", "quote", "place"),
    [
        ("What helps with a cough?", "hot lemon with honey", "[cough.md:"),
        ("When should I see a doctor about back pain?", "does not get better within a few weeks", "[back-pain.md:"),
        ("What are signs of dehydration?", "dark, strong-smelling urine", "[diarrhoea-vomiting.md:"),
    ],
)
def test_information_comes_with_its_source(assistant: Assistant, text: str, quote: str, place: str) -> None:
    told = assistant.reply(text)
    assert quote in told
    assert place in told
    assert "Based on: NHS" in told
    assert "compared November 2026" in told


def test_a_leaflet_that_was_compared_with_no_source_says_so(assistant: Assistant) -> None:
    told = assistant.reply("What helps with a stomach ache?")
    assert "[stomach.md:" in told
    assert told.endswith(
        'Not compared with a source. For more, see NHS (United Kingdom), health A to Z, page "Stomach ache"'
    )
    assert "Based on" not in told


def test_a_leaflet_must_say_what_it_rests_on(tmp_path: Path) -> None:
    (tmp_path / "cough.md").write_text("# Cough\n\nA cough passes.", encoding="utf-8")
    with pytest.raises(InvalidRequestError, match="Not compared with a source"):
        Leaflets(tmp_path)


@pytest.mark.parametrize(
    ("complaint", "name"),
    [("a headache", "headache"), ("back pain", "back-pain"), ("a stomach ache", "stomach"), ("a rash", "rash"),
     ("a cough", "cough"), ("a sore throat", "sore-throat"), ("a fever", "fever"), ("vomiting", "diarrhoea-vomiting")],
)  # fmt: skip
@pytest.mark.parametrize("question", ["When should I see a doctor about {}?", "What helps with {}?"])
def test_who_asks_about_a_complaint_is_told_of_that_one(
    assistant: Assistant, question: str, complaint: str, name: str
) -> None:
    assert f"[{name}.md:" in assistant.reply(question.format(complaint))


@pytest.mark.parametrize("text", ["How is malaria treated?", "Who invented aspirin?", "What is the capital of France?"])
def test_what_the_leaflets_do_not_say_is_not_known(assistant: Assistant, text: str) -> None:
    assert assistant.reply(text).startswith(NOT_KNOWN)


def test_answers_and_descriptions_that_begin_like_questions_are_none(assistant: Assistant) -> None:
    assert "complaint cough" in assistant.reply("Could be worse, but I have a cough since yesterday")
    for answer in ("none", "34"):
        assistant.reply(answer)
    assert "How did it begin?" in assistant.reply("does not apply")
    assert assistant.reply("can i take 2 tablets of ibuprofen").startswith(NO_DOSES)


def test_answers_that_the_form_does_not_allow_are_asked_again_and_can_be_taken_back(assistant: Assistant) -> None:
    assistant.reply("I have a rash since yesterday")
    assistant.reply("none")
    assert "I need an age from 0 to 120" in assistant.reply("very old")
    assistant.reply("200")
    assert "How did it begin?" in assistant.reply("70")  # nobody asks about pregnancy then
    assert "How old is the person?" in assistant.reply("back")
    assert "pregnant" in assistant.reply("30")
