"""Markdown on a terminal while it is being written."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.markdown import Markdown

from llmagentos.cli.markdown_stream import MarkdownStream, finished_length

TEXT = """# Rain

Water *falls*.

1. one

   more of one

2. two

```python
a = 1

b = 2
```

| a | b |
|---|---|
| 1 | 2 |

The [end](https://example.org)."""


def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=60, height=8)


def printed(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines() if line.strip()]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_all_of_it_is_there_at_the_end_and_once_only(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("llmagentos.cli.markdown_stream._SECONDS_BETWEEN_FRAMES", 0)
    whole, streamed = console(), console()
    whole.print(Markdown(TEXT, hyperlinks=False))
    with MarkdownStream(streamed) as view:
        for start in range(0, len(TEXT), size):
            view.write(TEXT[start : start + size])
    assert lines(printed(streamed)) == lines(printed(whole))
    assert "https://example.org" in printed(streamed)


def test_an_interruption_leaves_what_was_written() -> None:
    screen = console()

    def interrupted() -> None:
        with MarkdownStream(screen) as view:
            view.write("half of **it**")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert printed(screen).strip() == "half of it"


def test_a_long_block_shows_its_end_while_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagentos.cli.markdown_stream._SECONDS_BETWEEN_FRAMES", 0)
    screen = Console(file=io.StringIO(), force_terminal=True, width=60, height=8)
    view = MarkdownStream(screen)
    with view:
        for n in range(30):
            view.write(f"line{n}  \n")
        before = printed(screen)
    assert "line29" in before
    assert printed(screen)[len(before) :].count("line0 ") == 1  # the whole block comes at the end


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("a", ""),
        ("a\n\n", ""),  # an indented line may follow
        ("a\n\nb", "a\n\n"),
        ("- a\n\n  b\n\nc", "- a\n\n  b\n\n"),
        ("```\na\n\nb\n", ""),
        ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```\n\n"),
        ("````\n```\n\nb\n", ""),
        ("~~~\n```\n\na\n\nb", ""),
        ("- a\n\n  ```\n  b\n\nc\n  ```\n\nd", "- a\n\n  ```\n  b\n\nc\n  ```\n\n"),
        ("a\n\n\n\nb\n\nc d", "a\n\n\n\nb\n\n"),
    ],
)
def test_what_cannot_change_any_more(text: str, finished: str) -> None:
    assert text[: finished_length(text)] == finished
