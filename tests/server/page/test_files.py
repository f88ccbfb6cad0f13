"""The page's files keep to what the strict Content-Security-Policy and two languages ask of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .stand_in import STATIC

PAGES = sorted(STATIC.glob("*.html"))
SCRIPTS = sorted(STATIC.rglob("*.js"))
TEXTS = sorted((STATIC / "js" / "texts").glob("*.js"))


def keys_in(file: Path) -> dict[str, str]:
    return dict(re.findall(r'^  (\w+): "(.*)",$', file.read_text("utf-8"), re.MULTILINE))


def test_there_are_pages_scripts_and_two_languages() -> None:
    assert [page.name for page in PAGES] == ["index.html", "metrics.html"]
    assert [texts.name for texts in TEXTS] == ["en.js", "zh.js"]
    assert len(SCRIPTS) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_nothing_inline_and_names_files_that_exist(page: Path) -> None:
    html = page.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert not re.findall(r"<script(?![^>]* src=)[^>]*>", html)
    for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert (STATIC / name).exists(), name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.relative_to(STATIC).as_posix())
def test_a_script_imports_what_exists_and_makes_no_html_of_text(script: Path) -> None:
    code = script.read_text("utf-8")
    for name in re.findall(r'from "([^"]+)"', code):
        assert name.startswith(("./", "../"))
        assert (script.parent / name).is_file(), name
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code)
    assert not re.search(r"https?://(?!www\.w3\.org/)\w", code)


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    english, chinese = map(keys_in, TEXTS)
    assert english.keys() == chinese.keys()
    assert len(english) > 100
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_text_that_is_used_is_there_and_every_one_there_is_used() -> None:
    english = keys_in(TEXTS[0])
    everything = "".join(file.read_text("utf-8") for file in (*PAGES, *SCRIPTS) if file not in TEXTS)
    named = set(re.findall(r'data-(?:text|label|placeholder)="(\w+)"', everything))
    named |= set(re.findall(r'\bt\("(\w+)"', everything))
    assert named <= english.keys()
    assert {key for key in english if not re.search(rf'"{key}"', everything)} == set()


def test_every_icon_that_is_used_is_there_and_every_one_there_is_used() -> None:
    drawn = set(re.findall(r'^  (\w+): "', (STATIC / "js" / "icons.js").read_text("utf-8"), re.MULTILINE))
    everything = "".join(file.read_text("utf-8") for file in (*PAGES, *SCRIPTS))
    used = set(re.findall(r'data-icon="(\w+)"|\b(?:icon|actionButton)\("(\w+)"', everything))
    used |= set(re.findall(r'icon\(\w+ \? "(\w+)" : "(\w+)"\)', everything))
    assert {name for names in used for name in names if name} == drawn
