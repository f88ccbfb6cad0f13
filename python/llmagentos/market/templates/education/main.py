"""A study coach for a question bank and your own notes: a plan, graded answers, repetition when it is due."""

from __future__ import annotations

import argparse
import atexit
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from distractors import LikelyDistractors
from progress import Progress
from questions import explanations_of, questions_from_notes, read_bank, statements_of, topics_of
from tutor import HELP, Tutor

from llmagentos import LLM
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.tools.retrieval import PassageIndex, read_passages

FOLDER = Path(__file__).parent
PASSAGE = 2000  # characters that are read at once; sentences are what is searched


def tutor_for(
    bank: Path, notes: Path, state: Path, model: LLM | None = None, today: Callable[[], date] = date.today
) -> Tutor:
    """A tutor for a bank, notes, and a file of what was learned.

    Raises:
        LLMAgentOSError: a folder or file is not to be used, or there is nothing to learn.
    """
    passages = read_passages(notes, size=PASSAGE, overlap=0)
    statements = statements_of(passages)
    asked = read_bank(bank)
    questions = [*asked, *questions_from_notes(statements, topics_of(passages))]
    if not questions:
        raise InvalidRequestError(f"{bank} has no questions, and {notes} no sentences that make one")
    index = PassageIndex([*statements, *explanations_of(asked)])
    choose = (lambda _, terms: terms) if model is None else LikelyDistractors(model)
    return Tutor(questions, index, Progress(state), distractors=choose, today=today)


def conversation(model: LLM | None = None) -> Tutor:
    """A new learner on a Monday, as `evaluation.toml` talks to."""
    folder = tempfile.TemporaryDirectory(prefix="study-")
    atexit.register(folder.cleanup)
    state = Path(folder.name) / "study.db"
    return tutor_for(FOLDER / "bank", FOLDER / "notes", state, model, lambda: date(2026, 3, 2))


def main(arguments: Sequence[str] | None = None) -> None:
    """Talks to a learner at the terminal, or to the lines of a pipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=FOLDER / "bank", help="folder of question files (.toml)")
    parser.add_argument("--notes", type=Path, default=FOLDER / "notes", help="folder of notes (.md, .txt, .rst, .html)")
    parser.add_argument("--state", type=Path, default=Path("study.db"), help="file of what was learned")
    parser.add_argument("--model", help="model that chooses the wrong answers of hints, such as smollm2-135m-instruct")
    options = parser.parse_args(arguments)
    try:
        model = LLM(options.model) if options.model is not None else None
        tutor = tutor_for(options.bank, options.notes, options.state, model)
    except LLMAgentOSError as error:
        sys.exit(f"error: {error}")
    print(HELP)
    tutor.run()


if __name__ == "__main__":
    main()
