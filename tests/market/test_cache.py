"""Where the cache is, and when a file in it counts as there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmagentos.errors import ModelNotFoundError
from llmagentos.market import cache, cached, home
from llmagentos.market.cache import home_fault, is_offline, marker_of, path_of, write_marker


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG rules are Linux's")
def test_the_home_follows_the_variable_then_xdg_then_the_users_cache(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert home() == tmp_path / "own"
    monkeypatch.setenv("LLMAGENTOS_HOME", "~/models")
    assert home() == tmp_path / "user" / "models"
    monkeypatch.setenv("LLMAGENTOS_HOME", "  ")
    assert home() == tmp_path / "xdg" / "llmagentos"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/invalid")
    assert home() == tmp_path / "user" / ".cache" / "llmagentos"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert home() == tmp_path / "user" / ".cache" / "llmagentos"


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False), ("No", False)])
def test_offline_is_read_as_a_switch(monkeypatch, value, offline):
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", value)
    assert is_offline() is offline


def test_a_cache_that_cannot_be_read_says_so(shop, monkeypatch):
    entry = shop.entry(b"GGUF")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cache, "status_of", refuse)
    with pytest.raises(ModelNotFoundError, match=r"cannot look for tiny in .*: Permission denied\. .*LLMAGENTOS_HOME"):
        cached(entry)


def test_a_home_that_serves_has_no_fault_and_nothing_is_left_in_it(tmp_path: Path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("LLMAGENTOS_HOME", str(folder))
    assert home_fault() is None
    assert list(tmp_path.iterdir()) == []
    folder.mkdir()
    assert home_fault() is None
    assert list(folder.iterdir()) == []


def test_cached_needs_the_size_and_the_marker_of_this_hash(shop):
    entry = shop.entry(b"GGUF" * 10)
    path = path_of(entry)
    path.parent.mkdir(parents=True)
    assert cached(entry) is None
    path.write_bytes(b"GGUF" * 10)
    assert cached(entry) is None
    write_marker(entry)
    assert cached(entry) == path
    path.write_bytes(b"GGUF" * 9)
    assert cached(entry) is None
    path.write_bytes(b"GGUF" * 10)
    marker_of(path).write_text("0" * 64 + "  tiny.gguf\n")
    assert cached(entry) is None
    marker_of(path).write_bytes(b"\xff\xfe")
    assert cached(entry) is None
