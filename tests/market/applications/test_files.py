"""Files of applications: from folders and archives, of which none reaches another place."""

from __future__ import annotations

import io
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from llmagentos.errors import ApplicationError
from llmagentos.market.applications import files as files_module
from llmagentos.market.applications.files import manifest_in, read_archive, read_folder, sha256_of, write_archive

from .test_manifest import MINIMAL

FILES = {"app.toml": MINIMAL.encode(), "main.py": b"print('hello')\n", "data/a.txt": b"a"}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_folder_and_its_archive_have_the_same_files_and_hash(tmp_path: Path) -> None:
    folder = tmp_path / "bread"
    for name, content in {**FILES, ".git/config": b"x", "__pycache__/a.pyc": b"x", "venv/pyvenv.cfg": b""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    files = read_folder(folder)
    assert files == FILES
    write_archive(files, tmp_path / "a.zip")
    write_archive(files, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    again = read_archive("a.zip", (tmp_path / "a.zip").read_bytes())
    assert sha256_of(again) == sha256_of(files)
    assert sha256_of({**files, "main.py": b""}) != sha256_of(files)
    assert manifest_in("a.zip", again).name == "bread"


def test_a_folder_around_all_files_is_left_out() -> None:
    assert read_archive("a.zip", zipped({f"bread-1.0/{name}": content for name, content in FILES.items()})) == FILES


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "a/../../evil.py",
        "/etc/evil",
        "\\evil",
        "..\\evil",
        "C:evil",
        "a\nb",
        "x" * 201,
        "\u00e4" * 128,
        "a/\u202ebad.py",
        "./main.py",
        "a/./b.py",
        "a//b.py",
        "a./b.py",
        "b.py ",
        "a/../a/b.py",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ApplicationError, match="no path an application may use"):
        read_archive("a.zip", zipped({**FILES, name: b""}))


def test_links_in_archives_and_folders_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(zipped(FILES))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ApplicationError, match="'link', which is no regular file"):
        read_archive("a.zip", buffer.getvalue())
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(ApplicationError, match="link is not a regular file"):
        read_folder(tmp_path)


def test_a_name_that_occurs_twice_is_refused() -> None:
    buffer = io.BytesIO(zipped(FILES))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("main.py", b"other")
    with pytest.raises(ApplicationError, match=r"'main\.py' twice"):
        read_archive("a.zip", buffer.getvalue())


@pytest.mark.parametrize(
    "names", [("Main.py",), ("stra\u00dfe", "STRASSE"), ("\u00e4", "a\u0308"), ("main.py/x",), ("Data",)]
)
def test_names_that_are_one_on_some_systems_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ApplicationError, match=r"which are one file on some systems|as a file and as a folder"):
        read_archive("a.zip", zipped({**FILES, **dict.fromkeys(names, b"")}))
    (tmp_path / "A.txt").touch()
    (tmp_path / "a.txt").touch()
    if len(list(tmp_path.iterdir())) == 2:
        with pytest.raises(ApplicationError, match=r"has 'a\.txt' and 'A\.txt'"):
            read_folder(tmp_path)


def test_more_than_an_application_may_hold_is_refused_unread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files_module, "MAX_BYTES", 1000)
    with pytest.raises(ApplicationError, match="more than an application may"):
        read_archive("bomb.zip", zipped({"zeros": bytes(10**7)}))
    (tmp_path / "zeros").write_bytes(bytes(1001))
    with pytest.raises(ApplicationError, match="more than an application may"):
        read_folder(tmp_path)


def test_an_archive_that_lies_about_sizes_is_not_unpacked_beyond_them() -> None:
    content = bytearray(zipped({**FILES, "zeros": bytes(100_000_000)}))
    size = content.rfind(b"PK\1\2") + 24
    content[size : size + 4] = (1000).to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(ApplicationError, match="cannot be read as a zip archive"):
            read_archive("bomb.zip", bytes(content))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_directory_of_very_many_entries_is_refused_unread() -> None:
    entry = b"PK\1\2" + bytes(24) + (1).to_bytes(2, "little") + bytes(16) + b"a"
    end = b"PK\5\6" + bytes(4) + b"\xff" * 4 + (len(entry) * 100_000).to_bytes(4, "little") + bytes(6)
    tracemalloc.start()
    try:
        with pytest.raises(ApplicationError, match="more than an application may"):
            read_archive("bomb.zip", entry * 100_000 + end)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_archive_or_application_is_an_error(tmp_path: Path) -> None:
    for content in (b"", b"PK", zipped(FILES)[:60], b"x" * 100):
        with pytest.raises(ApplicationError, match="cannot be read as a zip archive"):
            read_archive("a.zip", content)
    whole = zipped(FILES)
    broken = whole[:45] + bytes(8) + whole[53:]
    with pytest.raises(ApplicationError):
        read_archive("a.zip", broken)
    with pytest.raises(ApplicationError, match="not a folder"):
        read_folder(tmp_path / "missing")
    with pytest.raises(ApplicationError, match=r"it has no app\.toml"):
        manifest_in("a.zip", {"main.py": b""})
    with pytest.raises(ApplicationError, match=r"has no main\.py"):
        manifest_in("a.zip", {"app.toml": MINIMAL.encode()})
