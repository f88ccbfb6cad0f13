"""Which models are unloaded to make room for another."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from llmagentos.errors import OutOfMemoryError
from llmagentos.server.config import ModelConfig
from llmagentos.server.model_pool import ModelPool

from .running import until


class Memory:
    """Room for so many models, of which each is closed when it may be."""

    def __init__(self, n_models: int) -> None:
        self._room = threading.BoundedSemaphore(n_models)
        self.closing: list[str] = []
        self.may_close = threading.Event()

    def open(self, config: ModelConfig, _observer: Any) -> Any:
        if not self._room.acquire(blocking=False):
            raise OutOfMemoryError("no room")
        return Model(self, config.path)

    def free(self, name: str) -> None:
        self.closing.append(name)
        assert self.may_close.wait(60)
        self._room.release()


class Model:
    def __init__(self, memory: Memory, name: str) -> None:
        self._memory, self._name = memory, name

    def close(self) -> None:
        self._memory.free(self._name)


def pool_of(memory: Memory) -> ModelPool:
    configs = {name: ModelConfig(path=name) for name in ("first", "a", "b", "large")}
    return ModelPool(configs, None, lambda _: lambda _: None, memory.open)


async def use(pool: ModelPool, *names: str) -> None:
    for name in names:
        (await pool.lease(name)).release()


def test_a_model_that_comes_into_use_while_room_is_made_is_kept() -> None:
    memory = Memory(3)
    pool = pool_of(memory)

    async def lease() -> list[str]:
        await pool.start()
        await use(pool, "a", "b")
        large = asyncio.create_task(pool.lease("large"))
        await asyncio.to_thread(until, lambda: memory.closing == ["a"])
        with await pool.lease("b"):
            memory.may_close.set()
            (await large).release()
            return memory.closing.copy()

    assert asyncio.run(lease()) == ["a"]
    assert list(pool.loaded) == ["first", "b", "large"]


def test_the_first_model_stays_where_another_does_not_fit_beside_it() -> None:
    memory = Memory(1)
    memory.may_close.set()
    pool = pool_of(memory)

    async def lease() -> None:
        await pool.start()
        with pytest.raises(OutOfMemoryError):
            await pool.lease("large")

    asyncio.run(lease())
    assert list(pool.loaded) == ["first"]
