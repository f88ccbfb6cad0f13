"""What a description is about where its words do not say so: what a model finds likeliest, confirmed by the person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from intake import Complaint
from numpy.typing import NDArray

# How people speak of each complaint without its name.
EXAMPLES: Mapping[Complaint, tuple[str, ...]] = {
    "headache": ("My temples are throbbing since noon.", "It feels like a band around my forehead."),
    "fever": ("I am burning up and shivering.", "I am hot and sweat in bed."),
    "sore throat": ("It hurts whenever I swallow food.", "My voice is hoarse and it scratches when I swallow."),
    "cough": ("I hack all night and bring up phlegm.", "There is mucus on my lungs."),
    "stomach ache": ("There are cramps below my ribs since lunch.", "My gut hurts after meals."),
    "diarrhoea or vomiting": ("I was on the toilet all night.", "I cannot keep any food down."),
    "back pain": ("It hurts low down when I bend over.", "I lifted something and now I cannot stand up straight."),
    "rash": ("My arms are full of red bumps that itch.", "My skin is red and blistered."),
    "other": (
        "My ankle is thick after football.", "I cannot sleep and worry a lot.", "There is a ringing in my ear.",
        "A tooth is loose.",
    ),
}  # fmt: skip

_EXTENT = re.compile(
    r",? *\b(?:for|since|about|maybe) (?:\w+ )?(?:hours?|days?|weeks?|months?|yesterday|\d+ out of \d+)\b",
    re.IGNORECASE,
)


class Reader(Protocol):
    """What reads: an `LLM` that runs here."""

    def tokenize(self, text: str, add_special: bool = ...) -> list[int]: ...

    def score(self, text: Sequence[int]) -> NDArray[np.float32]: ...


class Suggestion:
    """Suggests the complaint after whose examples the description is likeliest (a noisy channel; Min et al., 2022).

    Small models tell how well a text goes with others far better than they name what it is: SmolLM2-135M finds the
    complaint of 32 out of 39 descriptions this way, and that of 4 out of 21 when it is to choose the name.

    Raises:
        LLMAgentOSError: the model does not score texts, such as one of a service.
    """

    def __init__(self, model: Reader) -> None:
        model.score(model.tokenize("I am ill."))  # one that cannot is told now, rather than to a person who is ill
        self._model = model

    def __call__(self, text: str) -> Complaint | None:
        """The complaint that a description is most likely about; None where it is none of the form's."""
        # How long and how bad it is says nothing of what it is.
        what = _EXTENT.sub("", " ".join(text.split())) or text
        found = max(EXAMPLES, key=lambda complaint: self._likelihood(what, complaint))
        return None if found == "other" else found

    def _likelihood(self, text: str, complaint: Complaint) -> float:
        """Log probability of the description after examples of the complaint."""
        lines = [f"Complaint: {complaint}", *(f"Patient: {example}" for example in EXAMPLES[complaint]), "Patient:"]
        before = self._model.tokenize("\n".join(lines))
        own = self._model.tokenize(f" {text}", add_special=False)
        return float(np.sum(self._model.score([*before, *own])[len(before) - 1 :]))
