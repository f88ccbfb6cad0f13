"""Which KV blocks are free. Blocks are numbers; the backend owns the memory behind them."""

from __future__ import annotations


class BlockAllocator:
    """Hands out the pool's blocks, each to one owner at a time.

    The free list is a stack: a block given back last is handed out first, so a light load keeps touching the same
    memory and a pool larger than the load is never paged in.
    """

    def __init__(self, n_blocks: int, block_size: int) -> None:
        self.n_blocks = n_blocks
        self.block_size = block_size
        self._free = list(range(n_blocks - 1, -1, -1))

    @property
    def n_free(self) -> int:
        return len(self._free)

    def blocks_for(self, n_tokens: int) -> int:
        """Blocks that hold `n_tokens` tokens."""
        return -(-n_tokens // self.block_size)

    def allocate(self, n: int) -> list[int]:
        """Take `n` blocks.

        Raises:
            ValueError: fewer are free; the caller checks `n_free` first.
        """
        if n > len(self._free):
            raise ValueError(f"{n} blocks asked for, {len(self._free)} free")
        return [self._free.pop() for _ in range(n)]

    def free(self, blocks: list[int]) -> None:
        """Give blocks back, last taken first out again."""
        self._free.extend(reversed(blocks))
