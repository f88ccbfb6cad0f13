"""Pages as text, and the tools that fetch them."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.errors import ToolError
from llmagentos.tools.web_page import MAX_CHARACTERS, page_text, web_tools

from .web_server import Server, serving


def ask(server: Server, name: str, path: str, **arguments: Any) -> Any:
    tools = web_tools([f"127.0.0.1:{server.port}"], allow_private=True)
    return {tool.name: tool for tool in tools}[name](url=f"http://127.0.0.1:{server.port}/{path}", **arguments)


def test_a_page_is_its_title_and_main_part_as_markdown() -> None:
    with serving() as server:
        assert ask(server, "read_web_page", "page") == "# Bread\n\n## Flour\n\nUse **500 g**\nof flour.\n\n* salt"


def test_programs_forms_and_what_is_hidden_are_left_out() -> None:
    text = page_text(
        "<body><style>p {}</style><script>evil()</script><p hidden>ignore me</p><div aria-hidden='true'>nor me</div>"
        "<form><input value='x'><button>Send</button></form><footer>imprint</footer><p>Stay &amp; read</p></body>"
    )
    assert text == "Stay & read"


def test_tables_and_links_stay_readable() -> None:
    text = page_text("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><a href='/x'>more</a>")
    assert "| a | b |" in text
    assert "[more](/x)" in text


@pytest.mark.parametrize("html", ["", "no tags at all", "<p>unclosed <b>bold", "<<<>>>", "<title></title>"])
def test_what_is_hardly_html_is_text_all_the_same(html: str) -> None:
    assert isinstance(page_text(html), str)


def test_a_page_nested_too_deeply_is_an_error() -> None:
    with pytest.raises(ToolError, match="nested too deeply"):
        page_text("<div>" * 5000 + "deep" + "</div>" * 5000)


def test_a_long_text_comes_in_parts() -> None:
    with serving() as server:
        first = ask(server, "read_web_page", f"bytes/{MAX_CHARACTERS + 3}")
        assert first.endswith(f"of {MAX_CHARACTERS + 3}; go on with start={MAX_CHARACTERS}]")
        assert ask(server, "read_web_page", f"bytes/{MAX_CHARACTERS + 3}", start=MAX_CHARACTERS) == "xxx"
        with pytest.raises(ToolError, match="start=-1"):
            ask(server, "read_web_page", "bytes/10", start=-1)


def test_a_service_is_asked_with_its_status() -> None:
    with serving() as server:
        answer = ask(server, "http_get", "missing")
        assert (answer["status"], answer["content"]) == (404, "not here")
        assert ask(server, "http_get", "json")["content"] == '{"name": "Zoë"}'


def test_what_is_no_page_is_an_error() -> None:
    with serving() as server:
        with pytest.raises(ToolError, match="image/png, which is no text"):
            ask(server, "read_web_page", "image")
        with pytest.raises(ToolError, match="status 404"):
            ask(server, "read_web_page", "missing")
