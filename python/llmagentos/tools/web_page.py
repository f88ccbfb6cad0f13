"""Web pages as Markdown, and the tools that fetch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmagentos.errors import ToolError, shown
from llmagentos.tools.bounds import Position, Url
from llmagentos.tools.http_fetch import Fetcher, Response
from llmagentos.tools.requirements import required
from llmagentos.tools.tool import Tool, tool

MAX_CHARACTERS = 20_000  # of a page in one answer
_HTML = ("text/html", "application/xhtml+xml")
# What a reader of the text does not read: programs, forms, and what leads elsewhere.
_LEFT_OUT = ["script", "style", "noscript", "template", "iframe", "object", "svg", "form", "button", "nav", "footer"]
_HIDDEN = '[hidden], [aria-hidden="true"]'


def page_text(html: str) -> str:
    """An HTML page as Markdown: its title, and its main part where one is marked, without navigation and programs.

    Raises:
        ToolError: the page is nested too deeply, or the extra `tools` is not installed.
    """
    soup = required("bs4").BeautifulSoup(html, "html.parser")
    try:
        title = " ".join(soup.title.get_text().split()) if soup.title is not None else ""
        for element in [*soup(_LEFT_OUT), *soup.select(_HIDDEN)]:
            element.decompose()
        main: Any = soup.find("main") or soup.find("article") or soup.body or soup
        if main.title is not None:
            main.title.decompose()
        text = required("markdownify").MarkdownConverter(heading_style="atx", strip=["img"]).convert_soup(main)
    except RecursionError:
        raise ToolError("the page is nested too deeply to be read") from None
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for i, line in enumerate(lines) if line or (i > 0 and lines[i - 1])]
    body = "\n".join(kept)
    return body if not title or f"# {title}" in kept else f"# {title}\n\n{body}".strip()


def web_tools(
    allow: Sequence[str], *, max_bytes: int = 2 << 20, timeout: float = 20.0, allow_private: bool = False
) -> list[Tool]:
    """Tools that fetch from the web; the arguments are those of `Fetcher`.

    Raises:
        InvalidRequestError: an argument outside its domain.
    """
    fetcher = Fetcher(allow, max_bytes=max_bytes, timeout=timeout, allow_private=allow_private)

    @tool(idempotent=True)
    def http_get(url: Url, start: Position = 0) -> dict[str, Any]:
        """Fetch a URL and return the status and the content as it is, such as JSON from a service.

        Args:
            url: the whole URL, such as "https://example.org/data.json".
            start: the character to begin with, in a long content.
        """
        response = fetcher.fetch(url)
        return {"status": response.status, "url": response.url, "content": _part(_as_text(response), start)}

    @tool(idempotent=True)
    def read_web_page(url: Url, start: Position = 0) -> str:
        """Read a web page as text, or the next part of a long one.

        Args:
            url: the whole URL, such as "https://example.org/page".
            start: the character to begin with.
        """
        response = fetcher.fetch(url)
        if response.status != 200:
            raise ToolError(f"{shown(url)} was answered with the status {response.status}")
        text = _as_text(response)
        return _part(page_text(text) if response.content_type in _HTML else text, start)

    return [http_get, read_web_page]


def _as_text(response: Response) -> str:
    kind = response.content_type
    is_text = kind.startswith("text/") or kind in (*_HTML, "application/json", "application/xml", "")
    if not is_text and not kind.endswith(("+json", "+xml")):
        raise ToolError(f"{shown(response.url)} is {kind}, which is no text")
    return response.text()


def _part(text: str, start: int) -> str:
    if start < 0 or start > len(text):
        raise ToolError(f"start={start} is not valid: the text has {len(text)} characters")
    end = start + MAX_CHARACTERS
    rest = f"\n[characters {start} to {end} of {len(text)}; go on with start={end}]" if end < len(text) else ""
    return text[start:end] + rest
