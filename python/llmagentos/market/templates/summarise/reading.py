"""Texts as sentences, each with the line where it begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.web_page import page_text

MAX_BYTES = 16 << 20  # of a file
MIN_WORDS = 4  # of a sentence that can say something; characters where they are words

_HTML = (".html", ".htm")
# What is no running text: fenced code, headings, rows of tables, pictures, rules.
_NO_TEXT_LINES = re.compile(r"^#+ .*$|^\s*\|.*$|^!\[.*$|^\s*[-=*_]{3,}\s*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_BULLET = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+", re.MULTILINE)
_BLOCK_END = re.compile(r"\n[ \t]*\n|\n(?=\x00)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_MARKS = re.compile(r"\*\*|__|`")
_ABBREVIATIONS = (
    r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)(?<!\bProf)(?<!\bNo)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\betc)"
    r"(?<!\bca)(?<!\bFig)(?<!\b[A-Z])"
)
_SENTENCE_END = re.compile(rf"{_ABBREVIATIONS}[.!?…][\"'”’)\]]*\s+(?=[\"'“(\[]?[A-Z0-9À-Ý])|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text.

    Attributes:
        source: the file's name, or "-" for piped text.
        line: where it begins; the first is 1.
        leads: whether it is the first of its paragraph.
    """

    text: str
    source: str
    line: int
    leads: bool = False


def read_file(path: Path) -> list[Sentence]:
    """The sentences of a file of text, Markdown or HTML.

    Raises:
        InvalidRequestError: it cannot be read, is too large, or no UTF-8 text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequestError(f"{path} has more than {MAX_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{path} is no UTF-8 text") from None
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}") from None
    return sentences(page_text(text) if path.suffix.lower() in _HTML else text, path.name)


def sentences(text: str, source: str = "-") -> list[Sentence]:
    """The sentences of a text, without headings, tables, code, comments, bullets and marks, of MIN_WORDS or more."""
    text = text.replace("\r\n", "\n").replace("\x00", " ")
    for pattern in (_FENCED, _COMMENT, _NO_TEXT_LINES):
        text = pattern.sub(_blanked, text)
    # A zero byte stands where a bullet was: an item is a paragraph of its own.
    text = _BULLET.sub(lambda match: "\x00" + " " * (len(match[0]) - 1), text)
    found: list[Sentence] = []
    start = 0
    for end in [*(match.start() for match in _BLOCK_END.finditer(text)), len(text)]:
        leads = True
        for first, last in _spans(text, start, end):
            plain = _plain(text[first:last])
            if max(len(plain.split()), sum(ord(character) > 0x3000 for character in plain)) >= MIN_WORDS:
                found.append(Sentence(plain, source, 1 + text.count("\n", 0, first), leads))
                leads = False
        start = end
    return found


def _spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    cuts = [start, *(match.end() for match in _SENTENCE_END.finditer(text, start, end)), end]
    spans = []
    for first, last in pairwise(cuts):
        part = text[first:last]
        spans.append((first + len(part) - len(part.lstrip(" \t\n\x00")), last))
    return [(first, last) for first, last in spans if first < last]


def _blanked(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", text.replace("\x00", " "))).split())
