"""Which tokens each step computes.

There are no prefill and decode phases. Every request advances toward its known tokens: a new one by chunks of its
prompt, an old one by the token it just sampled, a pre-empted one by everything it knew. One token budget bounds a step;
running requests are served first, oldest first, then waiting ones are admitted in order of arrival.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from llmagentos.engine.blocks import BlockAllocator
from llmagentos.engine.request import Request, State


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The request's next `n_tokens` known tokens, from position `request.n_computed`, in this step."""

    request: Request
    n_tokens: int

    @property
    def reaches_end(self) -> bool:
        """Whether the step computes the last known token, so that the next one can be sampled."""
        return self.n_tokens == self.request.n_to_compute

    @property
    def n_logit_rows(self) -> int:
        if self.request.scores is not None:
            return self.n_tokens
        return 1 if self.reaches_end else 0


class Scheduler:
    """Keeps `running` in order of arrival, every running request older than every waiting one.

    The oldest request can therefore always take the blocks of younger ones, and since one request never needs more
    than the pool, it always advances: every request completes.

    Args:
        allocator: the KV blocks.
        max_batched_tokens: tokens a step computes at most.
        max_logit_rows: rows of logits a step asks for at most; bounds the memory they take.
    """

    def __init__(self, allocator: BlockAllocator, max_batched_tokens: int, max_logit_rows: int) -> None:
        self.allocator = allocator
        self.max_batched_tokens = max_batched_tokens
        self.max_logit_rows = max_logit_rows
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []

    def add(self, request: Request) -> None:
        self.waiting.append(request)

    def schedule(self) -> list[Scheduled]:
        """Choose the next step's tokens and give their requests the blocks they need. Empty where nothing is left."""
        self._drop_cancelled()
        step: list[Scheduled] = []
        budget, rows = self.max_batched_tokens, self.max_logit_rows
        for request in list(self.running):
            if budget == 0 or rows == 0 or request.state is not State.RUNNING:
                break
            chunk = self._chunk(request, budget, rows)
            if not self._make_room(request, chunk.n_tokens):
                break
            step.append(chunk)
            budget, rows = budget - chunk.n_tokens, rows - chunk.n_logit_rows
        while self.waiting and budget > 0 and rows > 0 and self._admissible(self.waiting[0]):
            request = self.waiting.popleft()
            request.state = State.RUNNING
            self.running.append(request)
            chunk = self._chunk(request, budget, rows)
            self._make_room(request, chunk.n_tokens)
            step.append(chunk)
            budget, rows = budget - chunk.n_tokens, rows - chunk.n_logit_rows
        return step

    def retire(self, request: Request) -> None:
        """Take back everything a finished request holds."""
        self.running.remove(request)
        self._free_blocks(request)

    def abandon(self) -> list[Request]:
        """Forget all requests, whatever state a failed step left them in; every block is free again."""
        requests = [*self.running, *self.waiting]
        for request in requests:
            request.blocks = []
        self.running, self.waiting = [], deque()
        self.allocator = BlockAllocator(self.allocator.n_blocks, self.allocator.block_size)
        return requests

    def _chunk(self, request: Request, budget: int, rows: int) -> Scheduled:
        limit = budget if request.scores is None else min(budget, rows)
        return Scheduled(request, min(request.n_to_compute, limit))

    def _admissible(self, request: Request) -> bool:
        # All known tokens must fit, not only the first chunk: a request let in sooner would be pre-empted at once.
        return self.allocator.blocks_for(request.n_to_compute) <= self.allocator.n_free

    def _make_room(self, request: Request, n_tokens: int) -> bool:
        """Grow the request's blocks by `n_tokens`, pre-empting the youngest requests; False where that is itself."""
        needed = self.allocator.blocks_for(request.n_computed + n_tokens) - len(request.blocks)
        while needed > self.allocator.n_free:
            youngest = self.running[-1]
            self._preempt(youngest)
            if youngest is request:
                return False
        if needed > 0:
            request.blocks += self.allocator.allocate(needed)
        return True

    def _preempt(self, request: Request) -> None:
        self.running.remove(request)
        self._free_blocks(request)
        request.n_computed = 0
        request.state = State.WAITING
        self.waiting.appendleft(request)

    def _drop_cancelled(self) -> None:
        for request in [r for r in self.running if r.cancel_requested]:
            request.finish("cancelled")
            self.retire(request)
        if any(r.cancel_requested for r in self.waiting):
            for request in self.waiting:
                if request.cancel_requested:
                    request.finish("cancelled")
            self.waiting = deque(r for r in self.waiting if not r.finished)

    def _free_blocks(self, request: Request) -> None:
        self.allocator.free(request.blocks)
        request.blocks = []
