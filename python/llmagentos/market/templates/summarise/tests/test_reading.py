"""Sentences of texts, and their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import read_file, sentences

from llmagentos.errors import InvalidRequestError

TEXT = """# A heading is no sentence

Dr. Smith paid 3.50 euros for it. "That is a lot!" he said to
his wife. See [the list](http://example.org) for more of that.

- The first item of the list
- The second **bold** item. It has two sentences.

| a table | is no text |

```
code is no text either.
```
The end comes after the code.
"""


def test_sentences_and_lines() -> None:
    assert [(s.line, s.text, s.leads) for s in sentences(TEXT)] == [
        (3, "Dr. Smith paid 3.50 euros for it.", True),
        (3, '"That is a lot!" he said to his wife.', False),
        (4, "See the list for more of that.", False),
        (6, "The first item of the list", True),
        (7, "The second bold item.", True),
        (7, "It has two sentences.", False),
        (14, "The end comes after the code.", True),
    ]


def test_comments_and_single_words_are_no_sentences() -> None:
    text = "[中文](zh.md)\n\n<!-- a note\nfor the editors of this page -->\nBread rises for an hour.\n\n你好！\n"
    assert [(found.text, found.line) for found in sentences(text)] == [("Bread rises for an hour.", 5)]


def test_nothing_gives_nothing() -> None:
    assert sentences("") == sentences("# Title\n\nShort.") == []


def test_chinese_sentences() -> None:
    assert [s.text for s in sentences("桥在三月关闭。居民要绕行。")] == ["桥在三月关闭。", "居民要绕行。"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "picture.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequestError, match=r"picture\.txt is no UTF-8 text"):
        read_file(tmp_path / "picture.txt")
    with pytest.raises(InvalidRequestError, match=r"missing\.txt cannot be read"):
        read_file(tmp_path / "missing.txt")


def test_web_pages(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<title>T</title><p>The bridge is closed now.</p><script>let x = 1 + 1;</script>"
    )
    assert [sentence.text for sentence in read_file(tmp_path / "page.html")] == ["The bridge is closed now."]
