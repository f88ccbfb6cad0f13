"""The page in headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
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


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server
        server.shutdown()


@pytest.fixture
def page(browser: Any, server: StandIn, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of a server of its own, as somebody sees it who comes for the first time.

    At the end nothing may stand in the browser's console, such as a breach of the Content-Security-Policy. Screenshots
    go to the folder that LLMAGENTOS_SCREENSHOTS names.
    """
    folder = os.environ.get("LLMAGENTOS_SCREENSHOTS")
    page = Page(browser, server.url, Path(folder) if folder else None)
    page.open()
    yield page
    assert page.complaints() == []


@pytest.fixture(scope="module")
def scripts(browser: Any) -> Iterator[Page]:
    """The page, opened once for all tests of a module that only call its functions."""
    with StandIn() as server:
        page = Page(browser, server.url, None)
        page.open()
        yield page
        server.shutdown()
