"""Which of a request's tokens are in the cache already, and which are just being computed by somebody else."""

from __future__ import annotations

from llmagentos.engine.blocks import BlockKey, BlockPool
from llmagentos.engine.request import Request


class PrefixCache:
    """Finds and publishes the full blocks of requests, under keys that chain from the root on.

    A request's last known token is never taken from the cache: its logits are what the request is for.

    Attributes:
        enabled: without it nothing is found or published.
    """

    def __init__(self, pool: BlockPool, enabled: bool = True) -> None:
        self._pool = pool
        self.enabled = enabled
        self._computing: dict[bytes, Request] = {}  # by digest, blocks of prompts that running requests work at

    def must_wait(self, request: Request) -> bool:
        """Whether a running request is just computing what this one needs next."""
        if not self.enabled:
            return False
        if request.awaited is None or request.awaited not in self._computing:
            key = self._first_missing(request)
            request.awaited = key.digest if key is not None and key.digest in self._computing else None
        return request.awaited is not None

    def lookup(self, request: Request) -> list[int]:
        """The blocks that hold the request's beginning."""
        blocks: list[int] = []
        for index in range(self._n_reusable_blocks(request)):
            block = self._pool.find(self._key(request, index))
            if block is None:
                break
            blocks.append(block)
        return blocks

    def attach(self, request: Request, blocks: list[int]) -> None:
        """Begin the request with these blocks of the cache, and announce the ones it is going to compute."""
        self._pool.share(blocks)
        request.blocks = list(blocks)
        request.n_computed = request.n_published = len(blocks) * self._pool.block_size
        request.awaited = None
        if not request.times.began:
            request.n_cached = request.n_computed
        if self.enabled:
            for index in range(len(blocks), request.n_known // self._pool.block_size):
                self._computing.setdefault(self._key(request, index).digest, request)

    def publish(self, request: Request) -> None:
        """Make the blocks that the request has filled since last time available to all."""
        size = self._pool.block_size
        if not self.enabled:
            return
        while request.n_published + size <= request.n_computed:
            index = request.n_published // size
            key = self._key(request, index)
            self._pool.publish(request.blocks[index], key)
            self._withdraw(key, request)
            request.n_published += size

    def detach(self, request: Request) -> None:
        """Give back all that the request holds; what it has not computed is nobody's to wait for."""
        for key in request.keys[request.n_published // self._pool.block_size :]:
            self._withdraw(key, request)
        self._pool.release(request.blocks)
        request.blocks = []
        request.n_computed = request.n_published = 0

    def _n_reusable_blocks(self, request: Request) -> int:
        return request.n_reusable // self._pool.block_size if self.enabled else 0

    def _first_missing(self, request: Request) -> BlockKey | None:
        for index in range(self._n_reusable_blocks(request)):
            key = self._key(request, index)
            if self._pool.find(key) is None:
                return key
        return None

    def _withdraw(self, key: BlockKey, request: Request) -> None:
        if self._computing.get(key.digest) is request:
            del self._computing[key.digest]

    def _key(self, request: Request, index: int) -> BlockKey:
        size, keys = self._pool.block_size, request.keys
        while len(keys) <= index:
            first = len(keys) * size
            parent = keys[-1].digest if keys else request.root
            keys.append(BlockKey.of(parent, request.token_ids[first : first + size]))
        return keys[index]
