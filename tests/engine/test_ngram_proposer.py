from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.engine.ngram_proposer import PAIR, NgramProposer
from llmagentos.engine.request import Request
from llmagentos.sampling_params import SamplingParams


def request(token_ids: list[int], n_prompt: int | None = None) -> Request:
    result = Request(token_ids[:n_prompt], SamplingParams(temperature=0.0), 1000)
    result.token_ids = list(token_ids)
    return result


def proposed(one: Request, n: int) -> list[int]:
    proposer = NgramProposer()
    return list(proposer.propose([(one, n)])[0]) if proposer.chances(one, n) else []


def test_what_followed_the_newest_tokens_last_time_is_proposed() -> None:
    assert proposed(request([1, 2, 3, 4, 5, 9, 1, 2]), 3) == [3, 4, 5]
    assert proposed(request([1, 2, 3, 1, 2, 4, 1, 2]), 1) == [4]


def test_a_longer_match_goes_before_a_newer_one() -> None:
    assert proposed(request([6, 1, 2, 7, 5, 1, 2, 8, 6, 1, 2]), 1) == [7]


def test_text_that_is_new_has_no_proposals() -> None:
    assert proposed(request([1, 2, 3, 4]), 5) == []
    assert proposed(request([1]), 5) == []
    assert proposed(request([1, 2, 9, 2]), 5) == []


def test_a_repetition_goes_on() -> None:
    assert proposed(request([9, 1, 2, 1, 2]), 5) == [1, 2, 1, 2, 1]


def test_an_occurrence_is_followed_as_long_as_it_fits() -> None:
    text = [5, 6, 7, 8, 9, 3, 4, 5, 6]
    one = request(text)
    for token in (7, 8, 9):
        assert proposed(one, 1) == [token]
        one.token_ids.append(token)
    one.token_ids.append(77)
    assert proposed(one, 1) == []


def chance_after(text: list[int]) -> float:
    """Of what follows where the text has been read token by token, and 1, 2 come once more."""
    one, proposer = request(text[:1]), NgramProposer()
    for token in (*text[1:], 1, 2):
        one.token_ids.append(token)
        proposer.chances(one, 1)
    return proposer.chances(one, 1)[0]


def test_chances_rise_with_hits_and_fall_with_misses() -> None:
    once = chance_after([1, 2, 3])
    assert chance_after([n for i in range(20) for n in (1, 2, 3, 100 + i)]) > 0.8 > once
    assert chance_after([n for i in range(20) for n in (1, 2, 100 + i)]) < 0.1 < once


def test_the_longer_an_occurrence_the_better() -> None:
    proposer, one = NgramProposer(), request([*range(30), 0, 1])
    chances = proposer.chances(one, 15)
    assert list(chances) == sorted(chances)
    assert chances[-1] > 0.8 > chances[0]


def test_how_a_prompt_repeats_itself_says_nothing_about_the_answer() -> None:
    prompt = [n for i in range(20) for n in (1, 2, 100 + i)]
    assert NgramProposer().chances(request([*prompt, 1, 2]), 1) == NgramProposer().chances(request([1, 2, 3, 1, 2]), 1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 60), st.integers(1, 8))
def test_taking_in_a_text_by_pieces_finds_real_occurrences(text: list[int], cut: int, n: int) -> None:
    one = request(text[: max(1, cut)], 5)
    proposer = NgramProposer()
    proposer.chances(one, n)
    for token in text[max(1, cut) :]:
        one.token_ids.append(token)
        proposer.chances(one, n)
    tokens = proposed(one, n)
    ends = [end for end in range(PAIR, len(one.token_ids)) if one.token_ids[end - 2 : end] == one.token_ids[-2:]]
    assert bool(tokens) == bool(ends)
    followed = one.token_ids + tokens
    assert not tokens or any(followed[end : end + n] == tokens for end in ends)
