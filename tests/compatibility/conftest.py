"""`llmagentos serve` as users start it, with the default model, a tiny one, and one of vectors."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.running import tiny_chat_model, tiny_encoder

CHAT = "smollm2-135m-instruct"


@dataclass(frozen=True)
class Served:
    """A server that runs, and the folders of its small models.

    Attributes:
        root: its address.
        tiny: a Llama of random weights with a tokenizer for transformers, served as "tiny".
        vectors: an encoder, served as "vectors".
    """

    root: str
    tiny: Path
    vectors: Path

    @property
    def url(self) -> str:
        """What clients call the base URL."""
        return f"{self.root}/v1"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    tiny, vectors = tiny_chat_model(folder / "tiny"), tiny_encoder(folder / "vectors")
    models = {CHAT: CHAT, "tiny": tiny, "vectors": vectors}
    options = [option for name, path in models.items() for option in ("--model", f"{name}={path}")]
    command = [sys.executable, "-m", "llmagentos", "serve", "--port", "0", "--quiet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert address is not None, "the server did not start"
            yield Served(address[0], Path(tiny), Path(vectors))
        finally:
            process.terminate()
            process.wait(60)
    assert process.returncode == 0
