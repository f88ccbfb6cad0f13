"""Asks about a complaint, says how soon a doctor should see it, and informs with sources. It makes no diagnosis."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from assistant import Assistant, Suggest
from intake import COMPLAINTS, Complaint
from leaflets import Leaflets
from red_flags import RedFlags
from texts import INTRODUCTION

from llmagentos import LLM, SamplingParams

FOLDER = Path(__file__).parent


def suggest_with(model: LLM) -> Suggest:
    """What has a model choose the complaint that a description is about: it can answer with nothing else."""

    def suggest(text: str) -> Complaint | None:
        question = f'A patient says: "{text}"\nWhich complaint is it? {", ".join(COMPLAINTS)}.'
        answer = model.chat(
            [{"role": "user", "content": question}],
            SamplingParams(temperature=0, max_tokens=16),
            response_format={"type": "choice", "choices": list(COMPLAINTS)},
        )
        chosen = next((complaint for complaint in COMPLAINTS if complaint == answer.parsed), None)
        return None if chosen == "other" else chosen

    return suggest


def conversation(model: LLM | None = None) -> Assistant:
    """A new intake, with the leaflets and rules that come with the application."""
    suggest = None if model is None else suggest_with(model)
    return Assistant(RedFlags(FOLDER / "red_flags.toml"), Leaflets(FOLDER / "leaflets"), suggest)


def main(arguments: Sequence[str] | None = None) -> None:
    """Talks to a person at the terminal, or to the lines of a pipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="model that suggests what a description is about, such as smollm2-135m-instruct")
    options = parser.parse_args(arguments)
    assistant = conversation(LLM(options.model) if options.model is not None else None)
    print(INTRODUCTION)
    assistant.run()


if __name__ == "__main__":
    main()
