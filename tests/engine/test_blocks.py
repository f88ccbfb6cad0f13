from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.engine.blocks import BlockKey, BlockPool


@pytest.mark.parametrize(("n_tokens", "blocks"), [(0, 0), (1, 1), (32, 1), (33, 2), (64, 2), (65, 3)])
def test_blocks_for_rounds_up(n_tokens: int, blocks: int) -> None:
    assert BlockPool(8, 32).blocks_for(n_tokens) == blocks


def test_more_than_free_is_refused_and_takes_nothing() -> None:
    pool = BlockPool(3, 32)
    pool.allocate(2)
    with pytest.raises(ValueError, match="2 blocks asked for, 1 free"):
        pool.allocate(2)
    assert pool.n_free == 1


def test_a_light_load_stays_in_the_same_blocks() -> None:
    pool = BlockPool(100, 32)
    first = pool.allocate(3)
    pool.release(first)
    assert sorted(pool.allocate(3)) == first


def test_known_contents_are_kept_until_their_room_is_needed_and_the_oldest_end_goes_first() -> None:
    pool = BlockPool(4, 2)
    keys = [BlockKey.of(b"", [1, 2])]
    keys.append(BlockKey.of(keys[0].digest, [3, 4]))
    blocks = pool.allocate(2)
    for block, key in zip(blocks, keys, strict=True):
        pool.publish(block, key)
    pool.release(blocks)
    assert (pool.n_free, pool.n_idle) == (4, 2)
    assert [pool.find(key) for key in keys] == blocks
    pool.allocate(3)
    assert [pool.find(key) for key in keys] == [blocks[0], None]


def test_an_equal_digest_is_no_hit_where_the_tokens_differ() -> None:
    pool = BlockPool(1, 2)
    key = BlockKey.of(b"", [1, 2])
    pool.publish(pool.allocate(1)[0], key)
    assert pool.find(BlockKey(key.digest, b"", (1, 3))) is None
    assert pool.find(BlockKey(key.digest, b"salt", (1, 2))) is None


def test_keys_depend_on_tokens_parent_and_salt() -> None:
    digests = {BlockKey.of(parent, tokens).digest for parent in (b"", b"a", b"b") for tokens in ([1, 2], [2, 1])}
    assert len(digests) == 6


actions = st.lists(st.tuples(st.sampled_from(["take", "free", "share", "publish"]), st.integers(0, 5)), max_size=60)


@given(st.integers(1, 12), actions)
def test_owners_are_counted(n_blocks: int, steps: list[tuple[str, int]]) -> None:
    pool = BlockPool(n_blocks, 32)
    owned: list[list[int]] = []
    for number, (action, size) in enumerate(steps):
        if action == "take" and size <= pool.n_free:
            owned.append(pool.allocate(size))
        elif owned and action == "free":
            pool.release(owned.pop(size % len(owned)))
        elif owned and action == "share":
            owned.append(list(owned[size % len(owned)]))
            pool.share(owned[-1])
        elif owned and action == "publish" and owned[size % len(owned)]:
            pool.publish(owned[size % len(owned)][0], BlockKey.of(b"", [number]))
        owners = Counter(block for blocks in owned for block in blocks)
        assert dict(owners) == pool._n_owners
        assert set(owners) <= set(range(n_blocks))
        assert pool.n_free == n_blocks - len(owners)
        assert not set(owners) & {*pool._idle, *pool._spare}
        assert {*owners, *pool._idle, *pool._spare} == set(range(pool._n_used))
        assert set(pool._block_of.values()) == set(pool._keys)
