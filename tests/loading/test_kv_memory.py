from __future__ import annotations

import pytest

from llmagentos.errors import InvalidRequestError, OutOfMemoryError
from llmagentos.loading import kv_memory
from llmagentos.loading.kv_memory import MAX_DEFAULT_CONTEXTS, size_kv_cache
from llmagentos.market.memory import Memory

# Blocks of 32 tokens and 1000 bytes, for a model trained on 320 tokens.


def sized(context: int | None = None, n_bytes: int | None = None) -> tuple[int, int]:
    return size_kv_cache(320, context, n_bytes, 1000, 32, 5000)


def test_given_bytes_are_used_and_bound_a_default_context() -> None:
    assert sized(n_bytes=50_999) == (320, 50)
    assert sized(n_bytes=4_000) == (128, 4)
    assert sized(context=100, n_bytes=4_000) == (100, 4)


def test_free_memory_bounds_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, n_blocks in ((None, 10 * MAX_DEFAULT_CONTEXTS), (10**9, 10 * MAX_DEFAULT_CONTEXTS), (25_000, 10)):
        monkeypatch.setattr(kv_memory, "memory", lambda available=available: Memory(None, available))
        assert sized() == (320, n_blocks)


def test_what_does_not_fit_says_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutOfMemoryError, match=r"room for .* 128 tokens, 72 fewer than the 200 needed.* 7000 bytes"):
        sized(context=200, n_bytes=4_000)
    monkeypatch.setattr(kv_memory, "memory", lambda: Memory(None, 5_500))
    with pytest.raises(OutOfMemoryError, match="free memory has room for a KV cache of 0 tokens"):
        sized()
    with pytest.raises(InvalidRequestError, match="trained for at most 320 tokens"):
        sized(context=321)
