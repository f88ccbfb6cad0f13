"""What is remembered of an answer."""

from __future__ import annotations

import time

import pytest

from llmagentos import Chunk, Usage
from llmagentos.cli.answer_record import AnswerRecord


@pytest.mark.parametrize(("n_tokens", "summary"), [(0, "0 tokens"), (1, "1 token"), (5, "5 tokens, 2.0 tokens/s")])
def test_tokens_are_counted_from_the_first_one_on(monkeypatch: pytest.MonkeyPatch, n_tokens: int, summary: str) -> None:
    times = iter([10.0, 11.0, 12.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    chunks = [
        Chunk("a", 1, None, None, None),
        Chunk("", 2, None, None, None),
        Chunk("b", 3, None, "stop", Usage(4, n_tokens)),
    ]
    record = AnswerRecord(chunks)
    assert list(record) == chunks
    assert (record.text, record.last) == ("ab", chunks[2])
    assert record.summary() == summary


def test_an_answer_that_was_interrupted_has_no_summary() -> None:
    record = AnswerRecord([Chunk("a", 1, None, None, None)])
    assert record.summary() == ""
    next(iter(record))
    assert (record.text, record.summary()) == ("a", "")
