"""What a sentence is taken for that no rule reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kinds import kind_of


class Model:
    """Stands in for an LLM: chooses the one answer it was made with."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.prompts: list[str] = []

    def generate(self, prompts: str, params: Any = None, *, response_format: Any = None) -> Any:
        self.prompts.append(prompts)
        assert self.answer in response_format["choices"]
        return SimpleNamespace(text=self.answer)


def test_a_model_chooses_among_kinds() -> None:
    model = Model(" note")
    assert kind_of("The boiler is from 1998", model) == "note"
    assert model.prompts[0].endswith("\nSentence: The boiler is from 1998\nKind:")


def test_a_question_mark_says_enough() -> None:
    model = Model(" task")
    assert kind_of("The boiler is from 1998?", model) == "question"
    assert model.prompts == []


def test_without_a_model_the_form_decides() -> None:
    assert kind_of("who was that", None) == "question"
    assert kind_of("The boiler is from 1998", None) == "task"
