"""No path leads out of the root: by its parts, by links, or by what is not a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.rooted import Root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "a.txt").write_text("inside")
    (root / "inner" / "b.txt").write_text("deeper")
    (root / ".hidden").write_text("hidden")
    (root / "link.txt").symlink_to("../secret.txt")
    (root / "to_inside").symlink_to("a.txt")
    (root / "up").symlink_to("..")
    (root / "absolute").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    return root


def test_files_below_the_root_are_read(folder: Path) -> None:
    root = Root(folder)
    assert root.read_text("a.txt", 100) == "inside"
    assert root.read_text("./inner//b.txt", 100) == "deeper"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "inner/../../secret.txt",
        "inner/../a.txt",
        "..",
        "link.txt",
        "to_inside",
        "up/secret.txt",
        "absolute/secret.txt",
        "inner/../up/secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "a.txt\0.png",
        "\0",
        "pipe",
        "inner",
        ".",
        "",
        "a.txt/x",
        "missing.txt",
        "x" * 5000,
        "\ud800",
    ],
)
def test_paths_that_lead_elsewhere_or_to_no_file_are_errors(folder: Path, path: str) -> None:
    with pytest.raises(ToolError) as error:
        Root(folder).read_bytes(path, 100)
    assert "secret" not in str(error.value).replace(repr(path), "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "", "up", "inner", "absolute", "link.txt", "a.txt", "secret.txt", "root"])))
def test_no_mix_of_parts_reads_the_secret(folder: Path, parts: list[str]) -> None:
    try:
        content = Root(folder).read_bytes("/".join(parts), 100)
    except ToolError:
        return
    assert content in (b"inside", b"deeper")


def test_a_folder_that_becomes_a_link_is_not_followed(folder: Path) -> None:
    root = Root(folder)
    assert root.read_text("inner/b.txt", 100) == "deeper"
    (folder / "inner").rename(folder / "was_inner")
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("secret")
    (folder / "inner").symlink_to(outside)
    with pytest.raises(ToolError, match="symbolic link"):
        root.read_text("inner/b.txt", 100)


def test_walking_gives_files_and_no_links_or_hidden_ones(folder: Path) -> None:
    assert [path for path, _ in Root(folder).walk()] == ["a.txt", "inner/b.txt"]
    assert [path for path, _ in Root(folder).walk("inner")] == ["inner/b.txt"]
    with pytest.raises(ToolError):
        list(Root(folder).walk("up"))


def test_files_that_are_too_large_or_no_text_are_errors(folder: Path) -> None:
    (folder / "large.txt").write_bytes(b"x" * 101)
    (folder / "image.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ToolError, match="101 bytes, more than 100"):
        Root(folder).read_bytes("large.txt", 100)
    with pytest.raises(ToolError, match="not UTF-8 text: byte 0"):
        Root(folder).read_text("image.png", 100)


def test_new_files_are_written_and_none_is_written_over(folder: Path) -> None:
    root = Root(folder)
    root.write_new("inner/new.txt", b"new")
    assert (folder / "inner" / "new.txt").read_bytes() == b"new"
    for path in ("a.txt", "link.txt", "../new.txt", "up/new.txt", "missing/new.txt", "."):
        with pytest.raises(ToolError):
            root.write_new(path, b"other")
    assert (folder / "a.txt").read_text() == "inside"
    assert (folder.parent / "secret.txt").read_text() == "secret"
    assert not (folder.parent / "new.txt").exists()


def test_what_exists_is_told(folder: Path) -> None:
    root = Root(folder)
    assert root.exists("a.txt")
    assert root.exists("link.txt")
    assert not root.exists("inner/missing.txt")
    with pytest.raises(ToolError):
        root.exists("../secret.txt")


def test_the_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="not a folder"):
        Root(tmp_path / "missing")
