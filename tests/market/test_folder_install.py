"""A model that is a folder inside a wheel."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.market import FolderEntry, Part, cached, pull
from llmagentos.market.cache import folder_path_of

from .conftest import Shop

FILES = {"config.json": b"{}", "1_Pooling/config.json": b'{"a": 1}', "model.safetensors": bytes(range(256)) * 9}


@pytest.fixture
def entry(shop: Shop) -> FolderEntry:
    members = {f"tiny/model/{name}": data for name, data in FILES.items()}
    wheel = shop.stock("tiny", {**members, "tiny/__init__.py": b"raise SystemExit\n", "tiny/model/pickle.bin": b"x"})
    parts = tuple(
        Part("tiny", "1.0", wheel.stat().st_size, f"tiny/model/{name}", len(data), hashlib.sha256(data).hexdigest())
        for name, data in FILES.items()
    )
    return FolderEntry(
        name="tiny",
        aliases=(),
        family="Tiny",
        description="a test",
        task="embedding",
        licence="Apache-2.0",
        licence_url=None,
        architecture="BertModel",
        parameters=1,
        context_length=1,
        n_bytes=len(FILES["model.safetensors"]),
        root="tiny/model",
        parts=parts,
    )


def found(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_files_of_the_catalogue_are_fetched_once_and_no_others(shop: Shop, entry: FolderEntry) -> None:
    assert cached(entry) is None
    folder = pull(entry, pip=shop.pip)
    assert found(folder) == FILES
    assert pull(entry, pip=shop.pip) == cached(entry) == folder
    assert shop.downloads() == ["tiny"]


@pytest.mark.parametrize("damage", [b"{ }", b"{]"], ids=["size", "content"])
def test_a_damaged_file_is_fetched_anew(shop: Shop, entry: FolderEntry, damage: bytes) -> None:
    folder = pull(entry, pip=shop.pip)
    (folder / "config.json").write_bytes(damage)
    assert (cached(entry) is None) == (len(damage) != 2)
    assert found(pull(entry, pip=shop.pip, verify=True)) == FILES
    assert len(shop.downloads()) == 2


def test_force_fetches_anew(shop: Shop, entry: FolderEntry) -> None:
    pull(entry, pip=shop.pip)
    assert found(pull(entry, pip=shop.pip, force=True)) == FILES
    assert len(shop.downloads()) == 2


def test_another_content_than_the_catalogues_is_not_kept(
    shop: Shop, entry: FolderEntry, files: Callable[[], set[str]]
) -> None:
    wrong = dataclasses.replace(entry.parts[1], sha256="0" * 64)
    changed = dataclasses.replace(entry, parts=(entry.parts[0], wrong, entry.parts[2]))
    with pytest.raises(ModelFormatError, match="the catalogue says 0000"):
        pull(changed, pip=shop.pip)
    assert files() == set()


def test_offline_is_an_error_that_says_where_the_folder_would_be(
    shop: Shop, entry: FolderEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError, match="LLMAGENTOS_OFFLINE") as caught:
        pull(entry, pip=shop.pip)
    assert str(folder_path_of(entry)) in str(caught.value)
    assert shop.downloads() == []
