"""What a description is about where its words do not say so: chosen by a model, and confirmed by the person."""

from __future__ import annotations

from typing import Any, Protocol

from intake import COMPLAINTS, Complaint

from llmagentos import SamplingParams

# Seen before the description, since a small model goes on with what it sees rather than doing what it is told.
EXAMPLES: tuple[tuple[str, Complaint], ...] = (
    ("My temples are throbbing since noon", "headache"),
    ("I am burning up and shivering", "fever"),
    ("It hurts whenever I swallow food", "sore throat"),
    ("My ankle is thick after football", "other"),
    ("I hack all night and bring up phlegm", "cough"),
    ("There are cramps below my ribs since lunch", "stomach ache"),
    ("I was on the toilet all night", "diarrhoea or vomiting"),
    ("It hurts low down when I bend over", "back pain"),
    ("My arms are full of red bumps that itch", "rash"),
    ("I cannot sleep and worry a lot", "other"),
)


class Chooser(Protocol):
    """What chooses: an `LLM` that generates texts."""

    def generate(self, prompts: Any, params: Any = ..., *, response_format: Any = ...) -> Any: ...


class Suggestion:
    """Suggests a complaint.

    Args:
        model: can answer with nothing but the form's complaints.
    """

    def __init__(self, model: Chooser) -> None:
        self._model = model

    def __call__(self, text: str) -> Complaint | None:
        """The complaint that a description is most likely about; None where it is none of the form's."""
        shown = "\n".join(f"Patient: {said}\nComplaint: {complaint}" for said, complaint in EXAMPLES)
        answer = self._model.generate(
            f"{shown}\nPatient: {' '.join(text.split())}\nComplaint:",
            SamplingParams(temperature=0, max_tokens=16),
            response_format={"type": "choice", "choices": [f" {complaint}" for complaint in COMPLAINTS]},
        )
        chosen = next((complaint for complaint in COMPLAINTS if complaint == answer.text.strip()), None)
        return None if chosen == "other" else chosen
