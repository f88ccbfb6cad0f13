"""The application's own parts, with what stands in for a model."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from main import FOLDER, PASSAGE, answer, main

from llmagentos.tools.retrieval import PassageIndex, read_passages


class Model:
    """Stands in for an LLM."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate_text(self, text: str, max_length: int | None = None) -> str:
        self.asked.append(text)
        return "In other words."


@pytest.fixture
def index() -> PassageIndex:
    return PassageIndex(read_passages(FOLDER, size=PASSAGE, overlap=0))


@pytest.mark.parametrize(
    ("question", "quote", "source"),
    [
        ("How long can I return an order?", "within 30 days of delivery", "[returns.md:"),
        ("When do I get my money back?", "five working days after the goods have arrived", "[returns.md:"),
        ("What does standard delivery cost?", "costs 4.90 euros", "[delivery.md:"),
        ("Do I get a tracking number?", "Every order has a tracking number", "[delivery.md:"),
    ],
)
def test_an_answer_is_quoted_with_its_source(index: PassageIndex, question: str, quote: str, source: str) -> None:
    first = answer(question, index).split("\n\n")
    assert quote in " ".join(answer(question, index).split())
    assert any(source in part for part in first)


def test_questions_are_answered_until_exit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nxylophone?\nExit\nxylophone?\n"))
    main()
    assert capsys.readouterr().out == "The documents say nothing about that.\n\n"


def test_a_model_is_asked_with_the_passages_and_they_are_shown_too(index: PassageIndex) -> None:
    model = Model()
    told = answer("How long can I return an order?", index, model)
    assert told.startswith("In other words.\n\n")
    assert "[returns.md:" in told
    assert "within 30 days" in model.asked[0]


def test_the_model_is_not_asked_about_what_the_documents_do_not_say(index: PassageIndex) -> None:
    model = Model()
    assert answer("xylophone?", index, model) == "The documents say nothing about that."
    assert model.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folder", "none"], "error: 'none' is not a folder"),
        (["--folder", "."], "error: . holds no documents; these end in .txt, "),
        (["--model", "no-such-model"], "error: no model is named 'no-such-model'"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["main.py", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value).startswith(message)
