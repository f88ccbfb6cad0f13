from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.engine.detokenizer import Detokenizer

from .fake_tokenizer import FakeTokenizer


def pushed(data: bytes, stop: tuple[str, ...] = ()) -> tuple[list[str], Detokenizer]:
    detokenizer = Detokenizer(FakeTokenizer(), stop)
    return [detokenizer.push(byte) for byte in data], detokenizer


def test_a_character_split_over_tokens_comes_whole() -> None:
    texts, _ = pushed("a€b".encode())
    assert texts == ["a", "", "", "€", "b"]


def test_a_cut_character_becomes_a_replacement_at_the_end() -> None:
    texts, detokenizer = pushed("€".encode()[:2])
    assert texts == ["", ""]
    assert detokenizer.flush() == "\ufffd"


def test_special_tokens_have_no_text() -> None:
    assert Detokenizer(FakeTokenizer()).push(259) == ""


def test_a_stop_string_over_several_tokens_never_shows() -> None:
    texts, detokenizer = pushed(b"one END two", (" END",))
    assert "".join(texts) == "one"
    assert detokenizer.stopped
    assert detokenizer.flush() == ""


def test_a_stop_string_that_does_not_come_true_is_given_out() -> None:
    texts, detokenizer = pushed(b"aaab", ("aab",))
    assert texts == ["", "", "a", ""]
    assert detokenizer.stopped
    texts, _ = pushed(b"ENx", ("END",))
    assert texts == ["", "", "ENx"]


def test_what_is_held_back_comes_with_the_flush() -> None:
    texts, detokenizer = pushed(b"the EN", ("END",))
    assert "".join(texts) == "the "
    assert detokenizer.flush() == "EN"


def test_text_that_may_not_stop_is_part_of_no_stop_string() -> None:
    detokenizer = Detokenizer(FakeTokenizer(), ("END",))
    texts = [detokenizer.push(byte, may_stop=False) for byte in b"END EN"] + [detokenizer.push(ord("D"))]
    assert texts == ["E", "N", "D", " ", "E", "N", "D"]
    assert not detokenizer.stopped
    assert "".join(detokenizer.push(byte) for byte in b" END") == " "
    assert detokenizer.stopped


def test_the_earliest_of_several_stop_strings_ends_the_text() -> None:
    detokenizer = Detokenizer(WordTokenizer("one two three"), ("three", "two"))
    assert detokenizer.push(0) == "one "
    assert detokenizer.stopped


class WordTokenizer:
    """One token that is a whole text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def token_bytes(self, id: int) -> bytes:
        return self.text.encode()

    def is_special(self, id: int) -> bool:
        return False


@given(st.text("ab€\n", max_size=20), st.lists(st.text("ab€", min_size=1, max_size=4), max_size=3))
def test_the_pieces_are_the_text_up_to_the_first_stop(text: str, stop: list[str]) -> None:
    detokenizer = Detokenizer(FakeTokenizer(), stop)
    pieces = []
    for byte in text.encode():
        pieces.append(detokenizer.push(byte))
        if detokenizer.stopped:
            break
    pieces.append(detokenizer.flush())
    # Bytes arrive one by one, so the stop string that is complete first ends the text; of those that are complete at
    # once, the one that began first.
    ends = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    assert "".join(pieces) == (text[: min(ends)[1]] if ends else text)
    assert detokenizer.stopped == bool(ends)
