"""Summarises files and piped text: the sentences that say most, word for word, or a model's words, checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from extract import extract
from reading import read_file, sentences
from summariser import HELP, Summariser, nothing_about, numbered, told_in_words

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError

FOLDER = Path(__file__).parent


def conversation(model: LLM | None = None) -> Summariser:
    """A session about the text that comes with the application."""
    return Summariser(read_file(FOLDER / "texts" / "bridge.md"), model)


def summary(arguments: argparse.Namespace) -> str:
    """What is printed without a session.

    Raises:
        LLMAgentOSError: a file or the model is not to be used.
    """
    names = arguments.files or ["-"]
    found = [s for name in names for s in (sentences(sys.stdin.read()) if name == "-" else read_file(Path(name)))]
    if not found:
        return "There are no sentences in it."
    if arguments.model is not None:
        with LLM(arguments.model) as model:
            return told_in_words(model, found, arguments.words)
    chosen = extract(found, arguments.words, arguments.about)
    if not chosen:
        return nothing_about(arguments.about)
    return numbered(chosen) if arguments.lines else " ".join(sentence.text for sentence in chosen)


def main(arguments: Sequence[str] | None = None) -> None:
    """Summarises files, or standard input; with --session talks about them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="text, Markdown or HTML; - or none is standard input")
    parser.add_argument("--words", type=_positive, default=80, help="of the summary at most")
    parser.add_argument("--about", default="", metavar="TOPIC", help="only what the text says about this")
    parser.add_argument("--lines", action="store_true", help="each sentence on a line, with its place")
    parser.add_argument("--model", help="say it in this model's words: smollm2-135m-instruct, bart-large-cnn, ...")
    parser.add_argument("--session", action="store_true", help="talk about the files")
    options = parser.parse_args(arguments)
    if options.model is not None and options.about:
        parser.error("--about goes with the text's own sentences: leave out --model")
    try:
        if not options.session:
            print(summary(options))
            return
        found = [sentence for name in options.files for sentence in read_file(Path(name))]
        print(HELP)
        Summariser(found, LLM(options.model) if options.model is not None else None).run()
    except LLMAgentOSError as error:
        sys.exit(f"error: {error}")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of at least 1")
    return int(text)


if __name__ == "__main__":
    main()
