"""What kind of thing a sentence is that no rule reads: that of the list on which a model finds it likeliest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.tools.words import words

Kind = Literal["task", "note", "question"]

LISTS: Mapping[Kind, str] = {
    "task": """My to-do list:
- Call the plumber about the tap
- Water the plants
- The door needs to be painted
- Bring the car to the garage
-""",
    "note": """Facts to remember:
- The plumber's number is 555 0101
- Anna's birthday present is in the blue box
- The code of the bike lock is 4711
- Bob is allergic to nuts
-""",
    "question": """Questions for the internet:
- Why is the sky blue
- Who painted the Mona Lisa
- Tell me about the Roman empire
- Convert a mile to kilometres
- Give me a recipe for soup
-""",
}
_ASKING = frozenset("who what why how where when which".split())  # noqa: SIM905


class Reader(Protocol):
    """What reads: an `LLM` that generates texts."""

    def tokenize(self, text: str, add_special: bool = ..., parse_special: bool = ...) -> list[int]: ...

    def score(self, text: Sequence[int]) -> NDArray[np.float32]: ...


def kind_of(text: str, reader: Reader | None) -> Kind:
    """What kind of thing a sentence is; without a model, a question where it begins like one, else a task."""
    if text.rstrip().endswith("?") or words(text)[0].removesuffix("'s") in _ASKING:
        return "question"
    if reader is None:
        return "task"
    tokens = reader.tokenize(f" {text}", add_special=False, parse_special=False)

    def likelihood(kind: Kind) -> float:
        context = reader.tokenize(LISTS[kind], parse_special=False)
        return float(np.sum(reader.score([*context, *tokens])[-len(tokens) :]))

    return max(LISTS, key=likelihood)
