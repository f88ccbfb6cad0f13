"""The page in headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .browser import Page, start_browser
from .stand_in import StandIn

_PROGRAMS = ("chromium", "chromedriver")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests marked `browser` where there is none, unless they are what was asked for."""
    if all(map(shutil.which, _PROGRAMS)) or "browser" in config.getoption("markexpr"):
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    missing = [program for program in _PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.fail(f"{missing[0]} is missing: on Debian, apt-get install chromium chromium-driver")
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """One for all tests: the browser then keeps the page's scripts."""
    with StandIn() as server:
        yield server
        server.shutdown()


@pytest.fixture
def server(stand_in: StandIn) -> StandIn:
    """A server that has seen and been told nothing yet."""
    stand_in.reset()
    return stand_in


@contextmanager
def window_of(browser: Any, url: str) -> Iterator[Page]:
    """A window in which a server's page can be opened.

    At the end nothing may stand in the browser's console, such as a breach of the Content-Security-Policy. Screenshots
    go to the folder that LLMAGENTOS_SCREENSHOTS names.
    """
    folder = os.environ.get("LLMAGENTOS_SCREENSHOTS")
    page = Page(browser, url, Path(folder) if folder else None)
    yield page
    assert page.complaints() == []


@pytest.fixture
def window(browser: Any, server: StandIn) -> Iterator[Page]:
    """For tests that open the page in a way of their own."""
    with window_of(browser, server.url) as page:
        yield page


@pytest.fixture
def page(window: Page) -> Page:
    """The page as somebody sees it who comes for the first time."""
    window.open()
    return window


@pytest.fixture(scope="module")
def scripts(browser: Any, stand_in: StandIn) -> Page:
    """The page, opened once for all tests of a module that only call its functions."""
    page = Page(browser, stand_in.url, None)
    page.open()
    return page
