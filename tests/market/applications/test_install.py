"""Applications found, installed, copied."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from llmagentos.errors import ApplicationError, InvalidRequestError
from llmagentos.market.applications.files import read_folder
from llmagentos.market.applications.install import create, install, uninstall
from llmagentos.market.applications.sources import application_named, applications

from .test_files import FILES


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_installed_is_found_replaced_and_removed(home: Path) -> None:
    install("here", FILES)
    assert application_named("bread").folder == home / "applications" / "bread"
    assert read_folder(application_named("bread").folder) == FILES
    newer = {**FILES, "app.toml": FILES["app.toml"].replace(b"1.0", b"2.0")}
    del newer["data/a.txt"]
    install("here", newer)
    assert application_named("bread").manifest.version == "2.0"
    assert read_folder(application_named("bread").folder) == newer
    assert sorted(path.name for path in (home / "applications").iterdir()) == ["bread"]
    uninstall("bread")
    with pytest.raises(ApplicationError, match="no application is named 'bread'"):
        application_named("bread")


def test_it_can_be_installed_and_removed_by_several_at_once(home: Path) -> None:
    def work(number: int) -> None:
        for _ in range(15):
            install("here", {**FILES, "data/a.txt": str(number).encode()})
            if number == 0:
                with suppress(ApplicationError):  # another one may have
                    uninstall("bread")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    install("here", FILES)
    assert read_folder(application_named("bread").folder) == FILES
    assert sorted(path.name for path in (home / "applications").iterdir()) == ["bread"]


@pytest.mark.parametrize("n_renamed", [0, 1, 2, 3])
def test_a_kill_at_any_moment_loses_no_version(home: Path, monkeypatch: pytest.MonkeyPatch, n_renamed: int) -> None:
    install("here", FILES)
    newer = {**FILES, "app.toml": FILES["app.toml"].replace(b"1.0", b"2.0")}
    process = multiprocessing.get_context("fork").Process(target=_install_and_die, args=(newer, n_renamed))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    folder = application_named("bread").folder
    assert (folder, read_folder(folder)) == (home / "applications" / "bread", newer if n_renamed > 1 else FILES)
    for left in (home / "applications").glob(".installing-*"):
        os.utime(left, (0, 0))
    install("here", FILES)
    assert read_folder(folder) == FILES
    assert sorted(path.name for path in (home / "applications").iterdir()) == ["bread"]


def _install_and_die(files: dict[str, bytes], n_renamed: int) -> None:
    rename, calls = os.replace, itertools.count()

    def replace(source: Path, target: Path) -> None:
        if next(calls) == n_renamed:
            os._exit(9)
        rename(source, target)

    os.replace = replace  # type: ignore[assignment]
    install("here", files)
    os._exit(9)


def test_what_cannot_be_installed_leaves_nothing(home: Path) -> None:
    with pytest.raises(ApplicationError):
        install("here", {"app.toml": FILES["app.toml"]})
    assert not (home / "applications").exists()


@pytest.mark.parametrize("name", ["missing", "..", ".", "", "*"])
def test_only_what_is_installed_is_removed(home: Path, name: str) -> None:
    install("here", FILES)
    with pytest.raises(ApplicationError, match="is installed"):
        uninstall(name)
    assert (home / "applications" / "bread" / "main.py").exists()


def test_built_in_applications_are_there_and_can_be_hidden() -> None:
    (documents,) = [app for app in applications() if app.manifest.name == "documents"]
    assert documents.source == "built in"
    install("here", {**FILES, "app.toml": FILES["app.toml"].replace(b"bread", b"documents")})
    (documents,) = [app for app in applications() if app.manifest.name == "documents"]
    assert documents.source == "installed"


def test_packages_add_applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site" / "their_apps" / "bread"
    folder.mkdir(parents=True)
    for name in ("app.toml", "main.py"):
        (folder / name).write_bytes(FILES[name])
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
    info = tmp_path / "site" / "their_app-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-app\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[llmagentos.applications]\nbread = their_apps.bread\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = application_named("bread")
    assert (found.folder, found.source) == (folder, "package their-app")
    assert not any(name.startswith("their_apps") for name in sys.modules)


@pytest.mark.parametrize("value", ["missing", "their_apps.missing", "os.path.x", "their apps", "..x", "", "__main__"])
def test_packages_that_name_no_application_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    info = tmp_path / "site" / "their_apps-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-apps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[llmagentos.applications]\nbread = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    broken: list[Exception] = []
    assert "documents" in [application.manifest.name for application in applications(broken.append)]
    assert len(broken) == 1
    with pytest.raises((ApplicationError, InvalidRequestError)) as raised:
        application_named("bread")
    assert str(raised.value) == str(broken[0])


@pytest.mark.parametrize("manifest", [b"name =", b"\xff", b"", FILES["app.toml"] + b"more = 1\n"])
def test_a_broken_manifest_hides_no_other_application(home: Path, manifest: bytes) -> None:
    install("here", FILES)
    (home / "applications" / "aaa").mkdir()
    (home / "applications" / "aaa" / "app.toml").write_bytes(manifest)
    broken: list[Exception] = []
    assert {"bread", "documents"} <= {application.manifest.name for application in applications(broken.append)}
    (error,) = broken
    assert str(home / "applications" / "aaa" / "app.toml") in str(error)
    assert application_named("bread").manifest.name == "bread"
    with pytest.raises(InvalidRequestError, match="aaa"):
        application_named("aaa")


def test_a_folder_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bread" / "data").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "bread" / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert application_named("./bread").folder == tmp_path / "bread"
    with pytest.raises(ApplicationError, match=r"for the folder write \./bread"):
        application_named("bread")


def test_a_project_is_made_under_its_own_name(tmp_path: Path) -> None:
    template = application_named("documents")
    path = create(template, read_folder(template.folder), tmp_path / "my-notes")
    assert application_named(str(path)).manifest.name == "my-notes"
    with pytest.raises(ApplicationError, match="is not empty"):
        create(template, read_folder(template.folder), path)
    with pytest.raises(InvalidRequestError, match="'My Notes' cannot be an application's name"):
        create(template, read_folder(template.folder), tmp_path / "My Notes")
    assert not (tmp_path / "My Notes").exists()


def test_a_template_may_write_its_name_in_other_ways_but_must_write_it(tmp_path: Path) -> None:
    template = application_named("documents")
    files = read_folder(template.folder)
    plain = files["app.toml"].decode()
    for line in ("name='documents' # of it", "name  =  'documents'"):
        changed = {**files, "app.toml": plain.replace('name = "documents"', line).encode()}
        path = create(template, changed, tmp_path / f"notes-{len(line)}")
        assert application_named(str(path)).manifest.name == path.name
    quoted = {**files, "app.toml": plain.replace("name =", '"name" =').encode()}
    with pytest.raises(ApplicationError, match="no line that says its name"):
        create(template, quoted, tmp_path / "notes")
