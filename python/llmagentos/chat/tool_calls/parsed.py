"""What was read of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos.completion import ToolCallDelta


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a piece of text decided.

    Attributes:
        content: text that is no call.
        deltas: what there is more of calls.
    """

    content: str
    deltas: tuple[ToolCallDelta, ...]
