"""Markdown as models write it, on the page."""

from __future__ import annotations

import time

import pytest

from .browser import Page

pytestmark = pytest.mark.browser


VIEW = """given.reduce((target, text) => {
  (target.view ??= new MarkdownView(target)).update(text);
  return target;
}, document.createElement("div")).innerHTML.replaceAll(/<button.*?<\\/button>/g, "")"""


def html(scripts: Page, *texts: str) -> str:
    """What a text is on the page; of several, what one view shows after each of them in turn."""
    return str(scripts.module("markdown/view.js", "MarkdownView", VIEW, *texts))


LINK = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow" title="{0}">'
DONE = '<input type="checkbox" disabled="" checked="">'
OPEN = '<input type="checkbox" disabled="">'
CODE = '<div class="code"><div class="code-bar"><span>{}</span></div><pre tabindex="0"><code>{}</code></pre></div>'
TABLE = (
    '<div class="table" tabindex="0"><table>'
    '<thead><tr><th class="left">a</th><th class="right">b</th></tr></thead>'
    '<tbody><tr><td class="left"><code>1</code></td><td class="right">2|3</td></tr></tbody>'
    "</table></div><p>4</p>"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
        ("# A *b* #\n### c", "<h3>A <em>b</em></h3><h5>c</h5>"),
        (
            "**a *b* c** ~~d~~ __e__ _f_",
            "<p><strong>a <em>b</em> c</strong> <del>d</del> <strong>e</strong> <em>f</em></p>",
        ),
        ("***a*** **b *c***", "<p><strong><em>a</em></strong> <strong>b <em>c</em></strong></p>"),
        ("snake_case_name 2 * 3 * 4 **", "<p>snake_case_name 2 * 3 * 4 **</p>"),
        (r"\*a\* 1\. \\", r"<p>*a* 1. \</p>"),
        ("`a **b**` ``c ` d`` `e", "<p><code>a **b**</code> <code>c ` d</code> `e</p>"),
        ("**中文**、*好*", "<p><strong>中文</strong>、<em>好</em></p>"),
        ("---\na", "<hr><p>a</p>"),
        ("> a\n> - b\n\nc", "<blockquote><p>a</p><ul><li>b</li></ul></blockquote><p>c</p>"),
        ("- a\n- b\n  - c\n  - d\n- e", "<ul><li>a</li><li>b<ul><li>c</li><li>d</li></ul></li><li>e</li></ul>"),
        ("3. a\n\n4. b\n   more\n\n   c", '<ol start="3"><li>a</li><li>b<br>more<p>c</p></li></ol>'),
        ("1. a\n   - b\n2. c", '<ol start="1"><li>a<ul><li>b</li></ul></li><li>c</li></ol>'),
        ("In\n1984. Yes\n- a", "<p>In<br>1984. Yes</p><ul><li>a</li></ul>"),
        ("- [x] a\n- [ ] b", f'<ul><li class="task">{DONE} a</li><li class="task">{OPEN} b</li></ul>'),
        ("a | b\n--|--:\n`1` | 2\\|3\n4", TABLE),
        ("```python\na = 1\n\n# <b>\n```\nb", CODE.format("python", "a = 1\n\n# &lt;b&gt;") + "<p>b</p>"),
        ("- a\n\n  ~~~\n  b\n", f"<ul><li>a{CODE.format('', 'b')}</li></ul>"),
        ("[a *b*](https://x.y/(z) 'c')", f"<p>{LINK.format('https://x.y/(z)')}a <em>b</em></a></p>"),
        ("see https://x.y/a_b.", f"<p>see {LINK.format('https://x.y/a_b')}https://x.y/a_b</a>.</p>"),
        ("见https://x.y/a。好", f"<p>见{LINK.format('https://x.y/a')}https://x.y/a</a>。好</p>"),
        ("![cat](https://x.y/c.png)", f"<p>{LINK.format('https://x.y/c.png')}cat</a></p>"),
        ("[a](javascript:alert(1)) [b](/c) [d]", "<p>[a](javascript:alert(1)) [b](/c) [d]</p>"),
        ("<script>alert(1)</script> a<br/>b", "<p>&lt;script&gt;alert(1)&lt;/script&gt; a<br>b</p>"),
        ('<img src=x onerror="alert(1)">', '<p>&lt;img src=x onerror="alert(1)"&gt;</p>'),
    ],
)
def test_a_text_is_shown_as(scripts: Page, text: str, shown: str) -> None:
    assert html(scripts, text) == shown


def test_a_text_that_grows_ends_as_one_that_was_there_at_once(scripts: Page) -> None:
    text = "# A\n\nb **c**\n\n- d\n  - e\n\n3. f\n\n| g | h |\n|---|---|\n| 1 | 2 |\n\n```js\ni\n```\n\n> j\n"
    assert html(scripts, *(text[:end] for end in range(len(text) + 1))) == html(scripts, text)


@pytest.mark.parametrize(
    "piece", ["*", "_a", "**a ", "`", "[", "[a](", "> ", "- ", "1. ", "|-", "~~", "***a", "`a``", "\\"]
)
def test_a_hostile_text_takes_little_time(scripts: Page, piece: str) -> None:
    began = time.monotonic()
    html(scripts, piece * 20000)
    html(scripts, f"{piece}\n" * 5000)
    assert time.monotonic() - began < 5  # some take hours where work grows with the square of the length
