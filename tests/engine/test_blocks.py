from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.engine.blocks import BlockAllocator


@pytest.mark.parametrize(("n_tokens", "blocks"), [(0, 0), (1, 1), (32, 1), (33, 2), (64, 2), (65, 3)])
def test_blocks_for_rounds_up(n_tokens: int, blocks: int) -> None:
    assert BlockAllocator(8, 32).blocks_for(n_tokens) == blocks


def test_more_than_free_is_refused_and_takes_nothing() -> None:
    allocator = BlockAllocator(3, 32)
    allocator.allocate(2)
    with pytest.raises(ValueError, match="2 blocks asked for, 1 free"):
        allocator.allocate(2)
    assert allocator.n_free == 1


def test_a_light_load_stays_in_the_same_blocks() -> None:
    allocator = BlockAllocator(100, 32)
    first = allocator.allocate(3)
    allocator.free(first)
    assert allocator.allocate(3) == first


@given(st.integers(1, 12), st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_every_block_is_free_or_has_one_owner(n_blocks: int, steps: list[tuple[bool, int]]) -> None:
    allocator = BlockAllocator(n_blocks, 32)
    owned: list[list[int]] = []
    for take, size in steps:
        if take and size <= allocator.n_free:
            owned.append(allocator.allocate(size))
        elif not take and owned:
            allocator.free(owned.pop(size % len(owned)))
        out = [block for blocks in owned for block in blocks]
        assert len(set(out)) == len(out)
        assert set(out) <= set(range(n_blocks))
        assert allocator.n_free == n_blocks - len(out)
