"""What an encoder-decoder model's encoder reads: computed once, seen by all completions and beams of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmagentos.engine.blocks import BlockPool

if TYPE_CHECKING:
    from llmagentos.engine.request import Request


class EncoderInput:
    """A text for the encoder, and the blocks with the keys and values that decoders see of it.

    The running requests hold the blocks together. Once the last of them is pre-empted or has ended, they are given
    back, and computed anew should one run again.

    Attributes:
        token_ids: of the text. The encoder computes all of them in one step.
        blocks: in order of position, while somebody holds them; those of the cross attention.
        is_computed: whether the encoder has filled them.
        adapter: the number of the adapter that reads it, or None; that of its requests.
    """

    def __init__(self, token_ids: Sequence[int], adapter: int | None = None) -> None:
        self.token_ids = list(token_ids)
        self.adapter = adapter
        self.blocks: list[int] = []
        self.is_computed = False
        self._holders: set[Request] = set()

    def n_missing(self, pool: BlockPool) -> int:
        """Blocks that the next holder has to allocate."""
        return 0 if self._holders else pool.blocks_for(len(self.token_ids))

    def hold(self, request: Request, pool: BlockPool) -> None:
        """Keep the blocks for a request that runs."""
        if not self._holders:
            self.blocks = pool.allocate(pool.blocks_for(len(self.token_ids)))
        self._holders.add(request)

    def release(self, request: Request, pool: BlockPool) -> None:
        """Let go of them, where the request holds them."""
        if request in self._holders:
            self._holders.remove(request)
            if not self._holders:
                pool.release(self.blocks)
                self.forget()

    def forget(self) -> None:
        """Own no blocks, whatever becomes of them."""
        self._holders.clear()
        self.blocks, self.is_computed = [], False
