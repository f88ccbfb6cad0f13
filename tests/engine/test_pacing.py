from __future__ import annotations

from llmagentos.engine.pacing import DEFAULT_STRETCH, LEAST_TOKENS, Pace


def learned(target: float | None = None) -> Pace:
    """Steps of 4 streams take 10 ms, each prompt token 1 ms more."""
    pace = Pace(target)
    pace.record(4, 0, 0.010)
    pace.record(4, 20, 0.030)
    return pace


def test_without_streams_a_prompt_may_take_the_whole_step() -> None:
    assert Pace().prompt_tokens(0, 512) == 512


def test_what_is_not_known_yet_is_tried_carefully() -> None:
    assert Pace().prompt_tokens(4, 512) == LEAST_TOKENS


def test_a_step_is_stretched_as_far_as_allowed() -> None:
    assert learned().prompt_tokens(4, 512) == round((DEFAULT_STRETCH - 1) * 10)
    assert learned(0.05).prompt_tokens(4, 512) == 40
    assert learned(0.05).prompt_tokens(4, 30) == 30


def test_a_prompt_always_advances() -> None:
    assert learned(0.001).prompt_tokens(4, 512) == LEAST_TOKENS
