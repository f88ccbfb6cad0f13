"""When a question is asked again: the algorithm SM-2 (P. Woźniak, "Optimization of learning", 1990)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

LEAST_EASE = 1.3
PASSED = 3  # the lowest quality at which the interval grows


@dataclass(frozen=True, slots=True)
class Memory:
    """How well a question is remembered.

    Attributes:
        ease: what the interval is multiplied by.
        interval: days from the last answer to the next; 0 where there was none.
        repetitions: right answers in a row.
    """

    due: date
    ease: float = 2.5
    interval: int = 0
    repetitions: int = 0


def reviewed(memory: Memory, quality: int, today: date) -> Memory:
    """The memory after an answer.

    Args:
        quality: 5 is right at once, 4 with hesitation, 3 with difficulty; 2 to 0 are wrong, 0 with no idea at all.
    """
    if not 0 <= quality <= 5:
        raise ValueError(f"quality={quality} is not valid: it must be 0 to 5")
    if quality < PASSED:
        interval, repetitions = 1, 0
    else:
        repetitions = memory.repetitions + 1
        interval = {1: 1, 2: 6}.get(repetitions) or round(memory.interval * memory.ease)
    ease = max(LEAST_EASE, memory.ease + 0.1 - (5 - quality) * (0.08 + (5 - quality) * 0.02))
    return replace(memory, due=today + timedelta(days=interval), ease=ease, interval=interval, repetitions=repetitions)


def quality_of(score: float, *, exact: bool = True, helped: bool = False) -> int:
    """SM-2's quality of an answer.

    Args:
        score: its grade, from 0 to 1.
        exact: whether it was spelled right.
        helped: whether a hint was asked for.
    """
    if score == 1:
        return 3 if helped else 5 if exact else 4
    return 3 if score >= 0.6 and not helped else 2 if score > 0 else 1
