"""The default model from the real index, once, into the cache that all tests share."""

from __future__ import annotations

import pytest

from llmagentos.market import cached, resolve
from llmagentos.market.cache import sha256_of
from llmagentos.market.entries import entry_named


@pytest.mark.model
def test_the_default_model_is_what_the_catalogue_says():
    entry = entry_named("smollm2-135m-instruct")
    path = resolve(entry.name)
    assert path.stat().st_size == entry.n_bytes
    assert sha256_of(path) == entry.sha256
    assert path.read_bytes()[:4] == b"GGUF"
    assert resolve("smollm2") == cached(entry) == path
