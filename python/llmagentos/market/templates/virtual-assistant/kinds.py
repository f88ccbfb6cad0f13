"""What kind of thing a sentence is that no rule reads: chosen by a model among a few, and always asked about before it counts."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from llmagentos import SamplingParams

Kind = Literal["task", "note", "question"]

# Seen before the sentence, since a small model goes on with what it sees rather than doing what it is told.
EXAMPLES: tuple[tuple[str, Kind], ...] = (
    ("Call the plumber about the tap", "task"),
    ("The plumber's number is 555 0101", "note"),
    ("Why is the sky blue?", "question"),
    ("Water the plants", "task"),
    ("Anna's birthday present is in the blue box", "note"),
    ("Who painted the Mona Lisa", "question"),
    ("The code of the bike lock is 4711", "note"),
    ("Pay the gas bill", "task"),
    ("Tell me about the Roman empire", "question"),
    ("Bob is allergic to nuts", "note"),
    ("Bring the car to the garage", "task"),
)
_ASKING = ("who", "what", "why", "how", "where", "when", "which", "is", "are", "do", "does", "can", "could", "tell", "should")


class Chooser(Protocol):
    """What chooses: an `LLM` that generates texts."""

    def generate(self, prompts: Any, params: Any = ..., *, response_format: Any = ...) -> Any: ...


def kind_of(text: str, model: Chooser | None) -> Kind:
    """What kind of thing a sentence is; without a model, a question where it looks like one, else a task."""
    if text.rstrip().endswith("?"):
        return "question"
    if model is None:
        return "question" if text.split()[:1] and text.split()[0].lower() in _ASKING else "task"
    shown = "\n".join(f"Sentence: {sentence}\nKind: {kind}" for sentence, kind in EXAMPLES)
    choice = {"type": "choice", "choices": [" task", " note", " question"]}
    completion = model.generate(
        f"{shown}\nSentence: {text}\nKind:", SamplingParams(temperature=0, max_tokens=8), response_format=choice
    )
    chosen = completion.text.strip()
    return "note" if chosen == "note" else "question" if chosen == "question" else "task"
