"""Questions: those of a bank in TOML files, and those made from the sentences of notes."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.retrieval import Passage

BLANK = "_____"
MIN_WORDS, MAX_WORDS = 6, 40  # of a sentence that makes a question

_HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)
_NO_SENTENCE = re.compile(r"^#+ .*$|^[ \t]*[-*+] ", re.MULTILINE)
_BLOCK_END = re.compile(r"\n[ \t]*\n")
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?=\S)[^.!?]+)*[.!?]")
_MARKED = re.compile(r"\*\*(.+?)\*\*")
_DEFINED = re.compile(r"^(?:The |An? )?([A-Za-z][\w-]*(?: [\w-]+){0,2}?) (?:is|are) (?:the |an? )")
_LEANS = re.compile(r"(?:it|this|that|these|those|they|he|she)\b", re.IGNORECASE)
_NO_TERM = re.compile(r"^(?:it|this|that|these|those|there|they|he|she|we|you|one|some|most|all)\b", re.IGNORECASE)


class Question(BaseModel):
    """A question, and what is right.

    Attributes:
        answers: short answers, each of which is right; the first is the one that is shown.
        choices: what is chosen from, the first answer among them; none for a free answer.
        points: of an answer in sentences what it should mention: for each point the words that do so, any of which is
            enough. A word that ends in "*" stands for all that begin with it.
        source: where it is from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str
    prompt: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    explanation: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _answerable(self) -> Question:
        if bool(self.answers) == bool(self.points):
            raise ValueError("a question has either answers or points")
        if self.choices and (not self.answers or self.answers[0] not in self.choices):
            raise ValueError("the first answer must be one of the choices")
        return self

    @property
    def id(self) -> str:
        """The same as long as topic and prompt are, so that an answer can be corrected and what was learned stays."""
        return hashlib.sha256(f"{self.topic}\n{self.prompt}".encode()).hexdigest()[:16]

    @property
    def shown_answer(self) -> str:
        """What is right, for a person."""
        if self.answers:
            return self.answers[0]
        return self.explanation or "; ".join(point[0].rstrip("*") for point in self.points)


def read_bank(folder: Path) -> list[Question]:
    """The questions of all .toml files of a folder: a `topic`, and tables `[[questions]]` with the fields above.

    Raises:
        InvalidRequestError: there is no such folder, or a file is no such; names it, and the field.
    """
    if not folder.is_dir():
        raise InvalidRequestError(f"{folder} is not a folder")
    found: list[Question] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8")
            values = _parsed(text)
            topic = values["topic"]
            for table in values["questions"]:
                line = text.count("\n", 0, max(0, text.find(str(table.get("prompt"))))) + 1
                found.append(Question(topic=topic, source=f"{path.name}:{line}", **table))
        except KeyError as error:
            raise InvalidRequestError(f"{path}: {error} is missing") from None
        except (OSError, ValueError, TypeError) as error:
            raise InvalidRequestError(f"{path}: {_told(error)}") from None
    return found


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    values: dict[str, Any] = tomllib.loads(text)
    return values


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'question'}: {first['msg']}, in {first['input']!r:.200}"


def questions_from_notes(statements: list[Passage], topics: dict[str, str]) -> list[Question]:
    """Questions with a blank, one of each sentence that says what something is or that marks a **term**.

    Other sentences make none: a blank in the place of any word asks for the wording, not for what was learned.

    Args:
        statements: sentences, as `statements_of` gives them.
        topics: the topic of each source.
    """
    found: list[Question] = []
    for statement in statements:
        term = _term(statement.text)
        if term is None or not MIN_WORDS <= len(statement.text.split()) <= MAX_WORDS:
            continue
        plain = unmarked(statement.text)
        blanked = re.sub(rf"\b{re.escape(term)}\b", BLANK, plain, flags=re.IGNORECASE)
        found.append(
            Question(
                topic=topics.get(statement.source, statement.source),
                prompt=blanked,
                answers=_forms(term),
                explanation=plain,
                source=f"{statement.source}:{statement.line}",
            )
        )
    return found


def topics_of(passages: list[Passage]) -> dict[str, str]:
    """What each source is about: its first heading, else the name of its file."""
    found: dict[str, str] = {}
    for passage in passages:
        heading = _HEADING.search(passage.text)
        found.setdefault(passage.source, heading[1].strip() if heading else Path(passage.source).stem)
    return found


def statements_of(passages: list[Passage]) -> list[Passage]:
    """The sentences of passages, without headings and bullets, each with the line where it begins.

    One that begins with a pronoun says little alone, and goes with the sentence before it.
    """
    found: list[Passage] = []
    for passage in passages:
        text = _NO_SENTENCE.sub(lambda match: " " * len(match[0]), passage.text)
        start = 0
        for block in [*_BLOCK_END.finditer(text), None]:
            end = len(text) if block is None else block.start()
            for match in _SENTENCE.finditer(text, start, end):
                first = match.start() + len(match[0]) - len(match[0].lstrip())
                line, sentence = passage.line + text.count("\n", 0, first), " ".join(match[0].split())
                if match.start() > start and _LEANS.match(sentence):
                    found[-1] = replace(found[-1], text=f"{found[-1].text} {sentence}")
                else:
                    found.append(Passage(passage.source, line, sentence))
            start = end
    return found


def explanations_of(questions: list[Question]) -> list[Passage]:
    """What the questions of a bank explain, as sentences to search."""
    explained = [question for question in questions if question.explanation]
    places = [question.source.rpartition(":") for question in explained]
    return [
        Passage(source, int(line), question.explanation)
        for question, (source, _, line) in zip(explained, places, strict=True)
    ]


def unmarked(text: str) -> str:
    """The text without the stars of **terms**."""
    return _MARKED.sub(r"\1", text)


def _term(sentence: str) -> str | None:
    found = _MARKED.search(sentence) or _DEFINED.match(sentence)
    if found is None or _NO_TERM.match(found[1]):
        return None
    term = found[1]
    # A capital that only begins the sentence is none of the term's.
    begins = unmarked(sentence).startswith(term) and term[1:] == term[1:].lower()
    return term[0].lower() + term[1:] if begins else term


def _forms(term: str) -> tuple[str, ...]:
    """The term, and its other number where that is formed by an s."""
    return (term, term[:-1] if term.endswith("s") and not term.endswith("ss") else f"{term}s")
