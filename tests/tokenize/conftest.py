from __future__ import annotations

import os

import pytest

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer


def open_model(name: str, override: str) -> GgufFile:
    """The file of a catalogue model, or the one that the environment variable `override` names."""
    path = os.environ.get(override)
    if path is None:
        market = pytest.importorskip("llmagentos.market", reason=f"needs the model {name}, or {override}")
        path = market.resolve(name)
    return GgufFile(str(path))


@pytest.fixture(scope="session")
def smollm2_file() -> GgufFile:
    return open_model("smollm2-135m-instruct", "LLMAGENTOS_TEST_SMOLLM2")


@pytest.fixture(scope="session")
def smollm2(smollm2_file: GgufFile) -> Tokenizer:
    return Tokenizer.from_gguf(smollm2_file)


@pytest.fixture(scope="session")
def gemma3() -> Tokenizer:
    return Tokenizer.from_gguf(open_model("gemma-3-270m", "LLMAGENTOS_TEST_GEMMA3"))
