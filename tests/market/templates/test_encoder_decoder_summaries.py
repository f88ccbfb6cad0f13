"""The template `summarise` on an encoder-decoder model: a tiny BART of random weights."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from llmagentos.market.applications.sources import application_named
from tests.folder_models import open_folder_model

TEXT = " ".join(f"Sentence number {i} says that thing {i} is there." for i in range(12))


@pytest.fixture
def wording(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The application's module, which is imported by its name alone, and forgotten afterwards."""
    monkeypatch.syspath_prepend(str(application_named("summarise").folder))
    before = set(sys.modules)
    yield importlib.import_module("wording")
    for name in set(sys.modules) - before:
        if name in ("wording", "extract", "reading"):
            del sys.modules[name]


def test_it_reads_chunks_that_fit_and_what_it_makes_up_is_replaced(wording: ModuleType) -> None:
    with open_folder_model("bart-plain") as model:
        assert len(model.tokenize(TEXT)) > model.info.encoder_length
        told = wording.word_summary(model, wording.sentences(TEXT), 40)
    assert told.n_quoted > 1
    assert 0 < len(told.text.split()) <= 40
    assert all(word in TEXT for word in told.text.split())
