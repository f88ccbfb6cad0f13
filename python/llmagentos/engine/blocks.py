"""The KV cache's blocks: who owns them, and which hold contents that another prompt can use again.

Blocks are numbers; the backend owns the memory behind them. A block is fresh (never handed out), owned by one request
or more, idle (no owner, contents known) or spare (no owner, contents of no use).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True, slots=True)
class BlockKey:
    """What a full block holds: its tokens, after everything that `parent` stands for.

    Attributes:
        digest: of parent and tokens; it is the parent of the next block.
        parent: the digest of the block before, or what `root_of` gives for the first.
        token_ids: compared at each look-up, so that equal digests alone never make a hit.
    """

    digest: bytes
    parent: bytes
    token_ids: tuple[int, ...]

    @classmethod
    def of(cls, parent: bytes, token_ids: Sequence[int]) -> BlockKey:
        tokens = tuple(token_ids)
        return cls(blake2b(parent + np.array(tokens, np.int32).tobytes(), digest_size=16).digest(), parent, tokens)


def root_of(salt: bytes, adapter: int | None, input_ids: Sequence[int] | None) -> bytes:
    """What the first block of a sequence follows, for those alone that share all of this.

    Personalised, so that no block's digest equals it: a caller who chooses the salt cannot name another's block.

    Args:
        salt: the caller's own.
        adapter: that computes the sequence, or None.
        input_ids: what an encoder reads beside it, or None.
    """
    root = blake2b(f"{len(salt)} {adapter} ".encode() + salt, digest_size=16, person=b"root")
    if input_ids is not None:
        root.update(np.array(input_ids, np.int32).tobytes())
    return root.digest()


class BlockPool:
    """Counts the owners of each block and keeps blocks of known contents until their room is needed.

    Spare blocks are a stack: one given back last is handed out first, so a light load keeps touching the same memory
    and a pool larger than the load is never paged in. Idle blocks are taken last, least recently used first, and of
    one sequence its end before its beginning, which more prompts share.
    """

    def __init__(self, n_blocks: int, block_size: int) -> None:
        self.n_blocks = n_blocks
        self.block_size = block_size
        self._n_used = 0  # blocks from here on have never been handed out: a large pool costs no list
        self._spare: list[int] = []
        self._idle: OrderedDict[int, None] = OrderedDict()
        self._n_owners: dict[int, int] = {}
        self._keys: dict[int, BlockKey] = {}
        self._block_of: dict[bytes, int] = {}

    @property
    def n_free(self) -> int:
        """Blocks without an owner."""
        return self.n_blocks - len(self._n_owners)

    @property
    def n_idle(self) -> int:
        """Blocks without an owner whose contents can be used again."""
        return len(self._idle)

    def blocks_for(self, n_tokens: int) -> int:
        """Blocks that hold `n_tokens` tokens."""
        return -(-n_tokens // self.block_size)

    def has_room(self, n: int, shared: Iterable[int] = ()) -> bool:
        """Whether `n` blocks can be allocated once `shared`, which may be idle now, have another owner."""
        return n + sum(block in self._idle for block in shared) <= self.n_free

    def allocate(self, n: int) -> list[int]:
        """Take `n` blocks for one owner.

        Raises:
            ValueError: fewer are free; the caller checks `n_free` first.
        """
        if n > self.n_free:
            raise ValueError(f"{n} blocks asked for, {self.n_free} free")
        blocks = [self._take() for _ in range(n)]
        self._n_owners.update(dict.fromkeys(blocks, 1))
        return blocks

    def share(self, blocks: Iterable[int]) -> None:
        """Add an owner to each of these blocks, which are owned or idle."""
        for block in blocks:
            self._idle.pop(block, None)
            self._n_owners[block] = self._n_owners.get(block, 0) + 1

    def release(self, blocks: Sequence[int]) -> None:
        """Drop one owner of each of these blocks, given in order of position."""
        for block in reversed(blocks):
            self._n_owners[block] -= 1
            if self._n_owners[block]:
                continue
            del self._n_owners[block]
            if block in self._keys:
                self._idle[block] = None
            else:
                self._spare.append(block)

    def is_shared(self, block: int) -> bool:
        """Whether several own it, so that none may write to it."""
        return self._n_owners[block] > 1

    def publish(self, block: int, key: BlockKey) -> None:
        """Say what a full block holds. Where another block holds the same, that one stays the one to be found."""
        if key.digest not in self._block_of and block not in self._keys:
            self._block_of[key.digest] = block
            self._keys[block] = key

    def find(self, key: BlockKey) -> int | None:
        """The block that holds exactly this, or None."""
        block = self._block_of.get(key.digest)
        return block if block is not None and self._keys[block] == key else None

    def _take(self) -> int:
        if self._spare:
            return self._spare.pop()
        if self._n_used < self.n_blocks:
            self._n_used += 1
            return self._n_used - 1
        block, _ = self._idle.popitem(last=False)
        del self._block_of[self._keys.pop(block).digest]
        return block
