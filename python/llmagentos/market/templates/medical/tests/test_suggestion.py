"""What a model may say of a description."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from intake import COMPLAINTS, read_complaint
from suggestion import EXAMPLES, Suggestion


class Model:
    """Stands in for an LLM."""

    def __init__(self, text: str) -> None:
        self.text, self.choices, self.prompt = text, [], ""

    def generate(self, prompt: str, params: Any, *, response_format: Any) -> Any:
        self.prompt, self.choices = prompt, response_format["choices"]
        return SimpleNamespace(text=self.text)


@pytest.mark.parametrize(("answer", "suggested"), [(" rash", "rash"), (" other", None)])
def test_the_model_chooses_from_the_form(answer: str, suggested: str | None) -> None:
    model = Model(answer)
    assert Suggestion(model)("spots\n\neverywhere") == suggested
    assert [choice.strip() for choice in model.choices] == list(COMPLAINTS)
    assert model.prompt.endswith("Patient: spots everywhere\nComplaint:")


def test_examples_are_of_every_complaint_and_of_none_that_the_words_name() -> None:
    assert {complaint for _, complaint in EXAMPLES} == set(COMPLAINTS)
    assert all(read_complaint(text) is None for text, _ in EXAMPLES)
