"""Asks about a complaint, says how soon a doctor should see it, and informs. It makes no diagnosis."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assistant import Assistant
from leaflets import Leaflets
from red_flags import RedFlags
from suggestion import Suggestion
from texts import INTRODUCTION

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError

FOLDER = Path(__file__).parent


def conversation(model: LLM | None = None) -> Assistant:
    """A new intake, with the leaflets and rules that come with the application."""
    suggest = None if model is None else Suggestion(model)
    return Assistant(RedFlags(FOLDER / "red_flags.toml"), Leaflets(FOLDER / "leaflets"), suggest)


def main(arguments: Sequence[str] | None = None) -> None:
    """Talks to a person at the terminal, or to the lines of a pipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", help="model that suggests what a description is about, such as smollm2-135m-instruct"
    )
    options = parser.parse_args(arguments)
    try:
        assistant = conversation(LLM(options.model) if options.model is not None else None)
    except LLMAgentOSError as error:
        sys.exit(f"error: {error}")
    print(INTRODUCTION)
    assistant.run()


if __name__ == "__main__":
    main()
