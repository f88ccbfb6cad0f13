"""A session about texts: a summary, longer or shorter, about a topic, and where its sentences are from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from extract import extract, keywords
from reading import Sentence, read_file
from wording import word_summary

from llmagentos import LLM, Agent
from llmagentos.errors import LLMAgentOSError
from llmagentos.tools.words import without_stop_words, words

LENGTHS = (50, 80, 150, 300, 600)  # words, among which shorter and longer move
CONTEXT = 1  # sentences around one that is looked up

HELP = """Say one of these:
  open FILE          read another text (more files: with spaces between)
  summary            the sentences that say most; shorter, longer, or: summary 100 (words)
  about TOPIC        only what the text says about a topic; a question works too
  where 2            sentence 2 of what I said last, with those around it
  in words           a summary in the model's words, checked against the text (needs --model)
  keywords, length   what it is about, and how long it is"""

COUNTS_WORDS = "I go by words, as sentences are of all lengths. Say for example: summary 60"


class Summariser(Agent):
    """Summarises texts in a session.

    Args:
        found: the sentences of the texts to begin with.
        model: says it in its own words; None quotes only.
        sensor: as for `Agent`.
    """

    def __init__(self, found: Sequence[Sentence] = (), model: LLM | None = None, *, sensor: Any = None) -> None:
        super().__init__(sensor=sensor)
        self._sentences, self._worded_by = list(found), model
        self._length, self._topic = 80, ""
        self._last: list[Sentence] = []
        self._commands: dict[str, Callable[[str], str]] = {
            "help": lambda _: HELP,
            "open": self._open,
            "summary": self._summary,
            "shorter": lambda _: self._other_length(-1),
            "longer": lambda _: self._other_length(1),
            "about": self._about,
            "where": self._where,
            "in": self._in_words,
            "keywords": lambda _: ", ".join(keywords(self._sentences)) or "There is no text yet.",
            "length": lambda _: self._told_length(),
        }

    def act(self, observation: Any) -> dict[str, str]:
        """Answers one line."""
        return {"text": self.reply(observation["text"].strip())}

    def reply(self, text: str) -> str:
        """What is said to a line of the user."""
        word, _, rest = text.partition(" ")
        if command := self._commands.get(word.lower()):
            if not self._sentences and word.lower() not in ("help", "open"):
                return "There is no text yet. Say: open FILE"
            return command(rest.strip())
        if re.fullmatch(
            r"(what('s| is) (it|this|that|the text) about|(please )?summari[sz]e( it| this)?)\W*", text.lower()
        ):
            return self.reply("summary")
        if re.fullmatch(r"\d{1,5} (words|sentences)", text.lower()):
            return self.reply(f"summary {text}") if text.lower().endswith("words") else COUNTS_WORDS
        if _is_file(text):
            return self._open(text)
        if text.endswith("?") and self._sentences:
            return self._about(text)
        return f"I do not know {text!r}. {HELP}" if text else HELP

    def _open(self, text: str) -> str:
        if not text:
            return "Say which file: open FILE"
        try:
            found = [sentence for name in text.split() for sentence in read_file(Path(name).expanduser())]
        except LLMAgentOSError as error:
            return str(error)
        if not found:
            return f"There are no sentences in {text}."
        self._sentences, self._topic, self._last = found, "", []
        return f"{self._told_length()}\n{self._quoted()}"

    def _summary(self, text: str) -> str:
        said = re.fullmatch(r"(\d{1,5})?(?: ?words)?", text)
        if said is None or said[1] == "0":
            return f"I cannot read {text!r}: say how many words, as in: summary 100"
        self._length, self._topic = int(said[1] or self._length), ""
        return self._quoted()

    def _other_length(self, step: int) -> str:
        among = [length for length in LENGTHS if (length - self._length) * step > 0]
        if not among:
            return f"It has {self._length} words at most already; for another number say for example: summary 20"
        self._length = among[0] if step > 0 else among[-1]
        return self._quoted()

    def _about(self, topic: str) -> str:
        if not topic:
            return "Say what about: about TOPIC"
        self._topic = topic
        return self._quoted()

    def _quoted(self) -> str:
        found = extract(self._sentences, self._length, self._topic)
        if not found:
            return nothing_about(self._topic)
        self._last = found
        return numbered(found)

    def _where(self, text: str) -> str:
        if not text.isdigit() or not 1 <= int(text) <= len(self._last):
            return f"Say which sentence, from 1 to {len(self._last)}: where 1" if self._last else "I said nothing yet."
        place = self._sentences.index(self._last[int(text) - 1])
        around = self._sentences[max(0, place - CONTEXT) : place + CONTEXT + 1]
        return "\n".join(
            f"{'* ' if sentence is self._sentences[place] else '  '}{sentence.source}:{sentence.line} {sentence.text}"
            for sentence in around
        )

    def _in_words(self, rest: str) -> str:
        if rest != "words":
            return f"I do not know {'in ' + rest!r}. {HELP}"
        try:
            return told_in_words(self._worded_by, self._sentences, self._length)
        except LLMAgentOSError as error:
            return f"The model did not answer: {error}"

    def _told_length(self) -> str:
        n_words = sum(len(sentence.text.split()) for sentence in self._sentences)
        sources = ", ".join(dict.fromkeys(sentence.source for sentence in self._sentences))
        return f"{sources}: {len(self._sentences)} sentences, {n_words} words"


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):  # what is no path at all
        return False


def numbered(found: Sequence[Sentence]) -> str:
    """Sentences, each with its number and place."""
    return "\n".join(f"{i}. {sentence.text} [{sentence.source}:{sentence.line}]" for i, sentence in enumerate(found, 1))


def nothing_about(topic: str) -> str:
    """What is said where no sentence is about a topic or answers a question."""
    named = " ".join(without_stop_words(words(topic))) or topic
    return f"The text says nothing about: {named}"


def told_in_words(model: LLM | None, found: Sequence[Sentence], max_words: int) -> str:
    """A summary in the model's words, and what was left out of them."""
    if model is None:
        return "No model was named: start with --model NAME, such as smollm2-135m-instruct or bart-large-cnn."
    wording = word_summary(model, found, max_words)
    notes = []
    if wording.n_left_out:
        notes.append(f"{wording.n_left_out} sentences of the model said what the text does not, and are left out")
    if wording.n_quoted:
        notes.append(f"{wording.n_quoted} are quoted from the text instead")
    return f"{wording.text}\n({'; '.join(notes)})" if notes else wording.text
