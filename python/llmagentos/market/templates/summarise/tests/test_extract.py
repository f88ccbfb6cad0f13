"""Which sentences are taken."""

from __future__ import annotations

import pytest
from extract import CHUNK, extract, keywords
from main import FOLDER
from reading import Sentence, read_file, sentences

REPORT = read_file(FOLDER / "texts" / "bridge.md")


@pytest.mark.parametrize("max_words", [30, 80, 150, 10_000])
def test_a_summary_keeps_to_its_length_and_order(max_words: int) -> None:
    chosen = extract(REPORT, max_words)
    assert chosen
    assert sum(len(sentence.text.split()) for sentence in chosen) <= max_words
    assert chosen == sorted(chosen, key=REPORT.index)


def test_what_is_said_twice_is_taken_once() -> None:
    found = sentences("The bridge at the mill is closed. The bridge at the mill is closed now. Cats like milk a lot.")
    assert len(extract(found, 100)) == 2


def test_a_topic_gives_the_sentences_about_it_or_none() -> None:
    chosen = extract(REPORT, 60, "ferry")
    assert chosen
    assert all("ferry" in sentence.text for sentence in chosen)
    assert any("260,000 euros" in sentence.text for sentence in chosen)
    assert extract(REPORT, 60, "submarines") == []


def test_long_texts_go_chunk_by_chunk() -> None:
    filler = [Sentence(f"Word{i} and thing{i} make item{i} here.", "-", i) for i in range(3 * CHUNK)]
    assert len(extract(filler, 20)) >= 1


def test_one_sentence_is_taken_even_where_it_is_too_long() -> None:
    assert len(extract(REPORT, 1)) == 1
    assert extract([], 10) == []


def test_keywords() -> None:
    assert keywords(REPORT, 3)[0] == "bridge"
