from __future__ import annotations

from llmagentos.engine.pacing import BURST_SECONDS, DEFAULT_STRETCH, LEAST_TOKENS, Pace


def learned(target: float | None = None) -> Pace:
    """Steps of 4 streams take 10 ms, each prompt token 1 ms more."""
    pace = Pace(target)
    pace.record(4, 0, 0.010)
    pace.record(4, 20, 0.030)
    return pace


def test_without_streams_a_prompt_may_take_the_whole_step() -> None:
    assert Pace().prompt_tokens(0, [600], 512) == 512


def test_what_is_not_known_yet_is_tried_carefully() -> None:
    assert Pace().prompt_tokens(4, [600], 512) == LEAST_TOKENS
    assert learned().prompt_tokens(9, [600], 512) == learned().prompt_tokens(4, [600], 512)
    assert learned().prompt_tokens(1, [600], 512) == learned().prompt_tokens(4, [600], 512)


def test_a_step_is_stretched_as_far_as_allowed() -> None:
    assert learned().prompt_tokens(4, [600], 512) == round((DEFAULT_STRETCH - 1) * 10)
    assert learned(0.05).prompt_tokens(4, [600], 512) == 40
    assert learned(0.05).prompt_tokens(4, [600], 30) == 30


def test_prompts_that_end_with_it_may_stretch_a_step_further_unless_a_target_is_set() -> None:
    burst = round(BURST_SECONDS * 1000)
    assert learned().prompt_tokens(4, [600, 70, 60], 512) == 130
    assert learned().prompt_tokens(4, [burst - 9, 600, 10], 512) == round((DEFAULT_STRETCH - 1) * 10)
    assert learned().prompt_tokens(4, [burst], 512) == burst
    assert learned().prompt_tokens(4, [burst], 100) == 100
    assert learned(0.05).prompt_tokens(4, [70, 60], 512) == 40


def test_a_prompt_always_advances() -> None:
    assert learned(0.001).prompt_tokens(4, [600], 512) == LEAST_TOKENS
