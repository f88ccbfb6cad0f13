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
        self._returned: list[int] = []
        self._n_used = 0  # blocks from here on have never been handed out: a large pool costs no list

    @property
    def n_free(self) -> int:
        return len(self._returned) + self.n_blocks - self._n_used

    def blocks_for(self, n_tokens: int) -> int:
        """Blocks that hold `n_tokens` tokens."""
        return -(-n_tokens // self.block_size)

    def allocate(self, n: int) -> list[int]:
        """Take `n` blocks.

        Raises:
            ValueError: fewer are free; the caller checks `n_free` first.
        """
        if n > self.n_free:
            raise ValueError(f"{n} blocks asked for, {self.n_free} free")
        n_again = min(n, len(self._returned))
        blocks = [self._returned.pop() for _ in range(n_again)]
        first = self._n_used
        self._n_used += n - n_again
        return blocks + list(range(first, self._n_used))

    def free(self, blocks: list[int]) -> None:
        """Give blocks back, last taken first out again."""
        self._returned.extend(reversed(blocks))
