"""A model's words, and what is kept of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from main import FOLDER
from reading import read_file, sentences
from summariser import told_in_words
from wording import is_supported, word_summary

REPORT = read_file(FOLDER / "texts" / "bridge.md")
SOURCE = (
    "Ships have more room. The bridge was closed in March 2023. Mr. Okafor says that repair costs 1.9 million euros. "
    "A ferry for small children would start in summer."
)


class ChatModel:
    """Stands in for a chat model: says the same of each chunk."""

    info = SimpleNamespace(encoder_length=None)

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, []

    def chat(self, conversations: list[Any], params: Any) -> list[Any]:
        self.asked += [conversation[0]["content"] for conversation in conversations]
        return [SimpleNamespace(text=self.text) for _ in conversations]


class Seq2SeqModel:
    """Stands in for a model that reads texts and writes summaries: it repeats the first sentence."""

    info = SimpleNamespace(encoder_length=100)

    def __init__(self) -> None:
        self.read: list[str] = []

    def tokenize(self, text: str) -> list[int]:
        return [0] * (len(text) // 3)

    def generate_text(self, text: str) -> str:
        self.read.append(text)
        return sentences(text)[0].text


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("Repair of the bridge costs 1.9 million euros.", True),
        ("The bridge was closed in 2023, says Okafor.", True),
        ("Repair of the bridge costs 2.9 million euros.", False),
        ("The bridge was closed, says Miller.", False),
        ("Dogs and horses like to swim in rivers.", False),
        ("The bridge was not closed in March 2023.", False),
        ("The bridge has more room for small children.", False),  # from here and there
        ("", False),
    ],
)
def test_only_what_the_text_supports_is_kept(sentence: str, supported: bool) -> None:
    assert is_supported(sentence, sentences(SOURCE)) is supported


def test_what_a_model_makes_up_is_replaced_and_told() -> None:
    model = ChatModel("The bridge costs 99 billion dollars. It is on the")
    wording = word_summary(model, REPORT, 80)
    assert len(model.asked) > 1
    assert "99" not in wording.text
    assert wording.n_left_out == len(model.asked)
    assert wording.n_quoted >= 1
    assert f"{wording.n_left_out} sentences of the model said what the text does not" in told_in_words(
        model, REPORT, 80
    )


def test_a_model_that_summarises_reads_no_more_than_it_can() -> None:
    model = Seq2SeqModel()
    wording = word_summary(model, REPORT, 50)
    assert all(len(model.tokenize(text)) <= 100 for text in model.read)
    assert " ".join(model.read).split() == " ".join(sentence.text for sentence in REPORT).split()
    assert 0 < len(wording.text.split()) <= 50
    assert wording.n_left_out == 0
