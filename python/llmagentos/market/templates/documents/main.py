"""Answers questions from documents: with the passages that fit best, word for word, and where they are from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError
from llmagentos.tools.retrieval import ENDINGS, Passage, PassageIndex, read_passages

FOLDER = Path(__file__).parent / "documents"
PASSAGE = 300  # characters of a passage at most
MAX_TOKENS = 150


def quoted(passages: list[Passage]) -> str:
    """The passages, each with its source."""
    return "\n\n".join(f"{passage.text}\n[{passage.source}:{passage.line}]" for passage in passages)


def prompt_of(question: str, passages: list[Passage]) -> str:
    """What a model is asked."""
    text = "\n\n".join(passage.text for passage in passages)
    return f"{text}\n\nUsing only the text above, answer in one or two sentences: {question}"


def answer(question: str, index: PassageIndex, model: LLM | None = None) -> str:
    """What the documents say; a model puts it in its own words in front, and is not asked where they say nothing."""
    passages = index.search(question, limit=2)
    if not passages:
        return "The documents say nothing about that."
    if model is None:
        return quoted(passages)
    text = model.generate_text(prompt_of(question, passages), max_length=MAX_TOKENS).strip()
    return f"{text}\n\n{quoted(passages)}"


def conversation(model: LLM | None = None) -> Callable[[str], str]:
    """What evaluation.toml talks to: the documents that come with it."""
    index = PassageIndex(read_passages(FOLDER, size=PASSAGE, overlap=0))
    return lambda question: answer(question, index, model)


def main() -> None:
    """Answers the questions on standard input, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=FOLDER, help="the documents: .txt, .md, .rst and .html files")
    parser.add_argument("--model", help="a model that says it in its own words as well, such as qwen2.5-1.5b-instruct")
    options = parser.parse_args()
    try:
        passages = read_passages(options.folder, size=PASSAGE, overlap=0)
        model = LLM(options.model) if options.model is not None else None
    except LLMAgentOSError as error:
        sys.exit(f"error: {error}")
    if not passages:
        sys.exit(f"error: {options.folder} holds no documents; these end in {', '.join(ENDINGS)}")
    index = PassageIndex(passages)
    print(f"{len(index)} passages of {options.folder}. Ask, or end with exit.", file=sys.stderr)
    for line in sys.stdin:
        question = line.strip()
        if question.lower() == "exit":
            break
        if question:
            print(answer(question, index, model), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
