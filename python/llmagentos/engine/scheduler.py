"""Which tokens each step computes.

There are no prefill and decode phases. Every request advances toward its known tokens: a new one by chunks of its
prompt, an old one by the token it just sampled, a pre-empted one by everything it knew. One token budget bounds a
step's batch. Beside streams that wait for their next token, prompts are computed aside, for as long as the pace allows
in each step; what is aside at a time is bounded likewise.
"""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmagentos.engine.blocks import BlockPool
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.pacing import Pace
from llmagentos.engine.prefix_cache import PrefixCache
from llmagentos.engine.request import Request, State
from llmagentos.engine.schedule import Aside, Limits, Schedule, Scheduled
from llmagentos.engine.shares import chunk_of, shares_of


class Scheduler:
    """Keeps `running` and `waiting` in order of rank: priority, then arrival.

    The running request of the first rank can always take the blocks of others, and since one request never needs more
    than the pool, it always advances: every request completes. A waiting request of better priority takes the place
    of running ones of a lower priority; one of the same priority never does.

    Args:
        pool: the KV blocks.
        cache: what is known to be in them.
        limits: of a step.
        pace: for how long a step may go on with prompts.
    """

    def __init__(self, pool: BlockPool, cache: PrefixCache, limits: Limits, pace: Pace) -> None:
        self.pool = pool
        self.cache = cache
        self.limits = limits
        self.pace = pace
        self.waiting: list[Request] = []
        self.running: list[Request] = []
        self.n_preempted = 0
        self.aside: Aside | None = None  # under way
        self._n_arrived = 0
        self._has_encoded = False  # in the last step

    def add(self, request: Request) -> None:
        """Queue a request, behind all of its priority that came before."""
        for one in (*request.members, *request.followers):
            one.arrival = self._n_arrived
            self._n_arrived += 1
        insort(self.waiting, request, key=_rank)

    def schedule(self) -> Schedule:
        """Choose the next step's tokens and give their requests the blocks they need. Empty where nothing is left."""
        schedule = Schedule()
        self.drop_ended(schedule)
        self._admit(schedule)
        schedule.inputs = self._inputs()
        if schedule.inputs:
            return schedule
        under_way = [] if self.aside is None else [chunk.request for chunk in self.aside.chunks]
        shares = shares_of(self.running, under_way, self.pace, self.limits)
        budget, set_aside = self.limits.batched_tokens, list[Scheduled]()
        rows = rows_aside = self.limits.logit_rows
        for request in list(self.running):
            is_aside = request in shares.aside
            if is_aside:
                chunk = chunk_of(request, shares.aside[request], rows_aside)
            else:
                chunk = chunk_of(request, min(shares.batch.get(request, 0), budget), rows)
            if chunk is None or request.state is not State.RUNNING:
                continue
            if not self._make_room(request, chunk.n_tokens, schedule):
                break
            if is_aside:
                set_aside.append(chunk)
                rows_aside -= chunk.n_logit_rows
            else:
                schedule.chunks.append(chunk)
                budget, rows = budget - chunk.n_tokens, rows - chunk.n_logit_rows
        if set_aside:
            self.aside = Aside(set_aside)
        schedule.aside = self.aside
        if self.aside is not None and schedule.chunks:
            schedule.aside_time = self.pace.aside_time(shares.n_streams, shares.has_joined)
        return schedule

    def drop_ended(self, schedule: Schedule) -> None:
        """Retire what was cancelled, or is late."""
        now = time.monotonic()
        for request in [r for queue in (self.running, self.waiting) for r in queue if _is_over(r, now)]:
            if request.finished:  # with its group
                continue
            request.finish("cancelled" if request.cancel_requested else "timeout")
            for one in request.members:
                self.retire(one)
            schedule.ended.append(request.members[0])

    def add_drafts(self, schedule: Schedule, drafts: Mapping[Request, Sequence[int]]) -> None:
        """Append drafts to the chunks that end with a last known token, as far as there are blocks that nobody owns."""
        for index, chunk in enumerate(schedule.chunks):
            request = chunk.request
            if request not in drafts:
                continue
            begin, owned = request.n_computed + chunk.n_tokens, len(request.blocks)
            slots = (owned + self.pool.n_free) * self.pool.block_size - begin
            chosen = tuple(drafts[request][: max(0, slots)])
            needed = self.pool.blocks_for(begin + len(chosen)) - owned
            request.blocks += self.pool.allocate(max(0, needed))
            schedule.chunks[index] = replace(chunk, drafts=chosen)

    def give_back_unused(self, request: Request) -> None:
        """Free the blocks beyond the known tokens, which drafts that were wrong have left."""
        n_used = self.pool.blocks_for(request.n_known)
        self.pool.release(request.blocks[n_used:])
        del request.blocks[n_used:]

    @property
    def requests(self) -> list[Request]:
        """All that run or wait, and those that have left what is aside."""
        return [*self.running, *self.waiting, *([] if self.aside is None else self.aside.left)]

    def begin_followers(self, leader: Request) -> list[Request]:
        """Let the other completions of a computed prompt run on from it, on the blocks of the leader."""
        followers, leader.followers = leader.followers, []
        for follower in followers:
            follower.begin_as_copy_of(leader)
            self._place(follower)
        return followers

    def retire(self, request: Request) -> None:
        """Take back everything that a request holds which is finished, or is no beam now."""
        for queue in (self.running, self.waiting):
            if request in queue:
                queue.remove(request)
        self._give_back(request)

    def fork(self, request: Request, parent: Request) -> None:
        """Let a request go on from where another is, on its blocks, instead of from where it was itself."""
        self.retire(request)
        request.go_on_as(parent)
        self._place(request)

    def end_aside(self) -> None:
        """Forget what was aside: it is computed, or given up."""
        if self.aside is None:
            return
        self.pool.release(self.aside.held)
        for request in self.aside.left:
            self._release_input(request)
        self.aside = None

    def abandon(self) -> list[Request]:
        """Forget all requests and all of the cache, whatever state a failed step left them in."""
        requests = [*self.running, *self.waiting]
        for request in requests:
            request.blocks = []
            if request.encoder is not None:
                request.encoder.forget()
        self.running, self.waiting, self.aside = [], [], None
        self.pool = BlockPool(self.pool.n_blocks, self.pool.block_size)
        self.cache = PrefixCache(self.pool, self.cache.enabled)
        return requests

    def _admit(self, schedule: Schedule) -> None:
        """Start waiting requests in order of rank, as long as all that they know fits.

        All known tokens, not only the first chunk: a request let in sooner would be pre-empted at once. One that needs
        what a running request is just computing waits for it instead of computing it again, and lets others by.
        """
        index = 0
        while index < len(self.waiting):
            request = self.waiting[index]
            if request.is_parked or self.cache.must_wait(request):
                index += 1
                continue
            blocks = self.cache.lookup(request)
            needed = self.pool.blocks_for(request.n_known) - len(blocks)
            while len(self.running) >= self.limits.running or not self._has_room(request, needed, blocks):
                other = self._giving_way(request)
                if other is None:
                    return
                self._preempt(other, schedule)
            self.waiting.remove(request)
            self.cache.attach(request, blocks)
            request.blocks += self.pool.allocate(needed)
            self._hold_input(request)
            request.state = State.RUNNING
            insort(self.running, request, key=_rank)
            schedule.admitted.append(request)

    def _giving_way(self, request: Request) -> Request | None:
        """Who makes room for a waiting request: the last in rank where its priority is lower, or a beam that waits.

        Such a beam has nothing to compute. It gives way to one of its own search, which it waits for, and to any
        request where all that run are such: it may be this one that they wait for.
        """
        if not self.running:
            return None
        last = self.running[-1]
        if last.service.priority > request.service.priority or all(one.is_parked for one in self.running):
            return last
        waiting_for_it = (one for one in reversed(self.running) if one.is_parked and one.group is request.group)
        return next(waiting_for_it, None)

    def _has_room(self, request: Request, needed: int, blocks: Sequence[int]) -> bool:
        """Whether there are that many blocks, and those for what the encoder reads."""
        n_input = 0 if request.encoder is None else request.encoder.n_missing(self.pool)
        return self.pool.has_room(needed + n_input, blocks)

    def _inputs(self) -> list[EncoderInput]:
        """What the encoder reads in this step: as many inputs as the budget holds, at least one, in order of rank.

        Where others decode, every second step is theirs: nobody's answer waits for more than one step of the encoder.
        """
        awaited = dict.fromkeys(r.encoder for r in self.running if r.encoder is not None and r.awaits_encoder)
        if self._has_encoded and any(r.n_to_compute > 0 and not r.awaits_encoder for r in self.running):
            awaited = {}
        chosen, budget = list[EncoderInput](), self.limits.batched_tokens
        for one in awaited:
            budget -= len(one.token_ids)
            if chosen and budget < 0:
                break
            chosen.append(one)
        self._has_encoded = bool(chosen)
        return chosen

    def _make_room(self, request: Request, n_tokens: int, schedule: Schedule) -> bool:
        """Give the request blocks of its own for its next tokens, pre-empting the last in rank; False where that is it.

        A block that others own too is exchanged for a copy.
        """
        size = self.pool.block_size
        first = request.n_computed // size
        shared = first < len(request.blocks) and self.pool.is_shared(request.blocks[first])
        needed = self.pool.blocks_for(request.n_computed + n_tokens) - len(request.blocks)
        while max(needed, 0) + shared > self.pool.n_free:
            last = self.running[-1]
            self._preempt(last, schedule)
            if last is request:
                return False
            shared = shared and self.pool.is_shared(request.blocks[first])
        if shared:
            old, (new,) = request.blocks[first], self.pool.allocate(1)
            schedule.copies.append((old, new))
            request.blocks[first] = new
            self.pool.release([old])
        if needed > 0:
            request.blocks += self.pool.allocate(needed)
        return True

    def _preempt(self, request: Request, schedule: Schedule) -> None:
        self.running.remove(request)
        if self.aside is not None and any(chunk.request is request for chunk in self.aside.chunks):
            self.end_aside()  # which would keep its blocks
        self._give_back(request)
        request.state = State.WAITING
        self.n_preempted += 1
        schedule.preempted.append(request)
        insort(self.waiting, request, key=_rank)

    def _place(self, copy: Request) -> None:
        """Queue a copy of another request: it shares the other's blocks, or waits where as many run as may."""
        if copy.state is State.RUNNING and len(self.running) < self.limits.running:
            self.pool.share(copy.blocks)
            self._hold_input(copy)
            insort(self.running, copy, key=_rank)
        else:
            copy.give_up_blocks()
            insort(self.waiting, copy, key=_rank)

    def _hold_input(self, request: Request) -> None:
        if request.encoder is not None:
            request.encoder.hold(request, self.pool)

    def _give_back(self, request: Request) -> None:
        """Take all blocks of a request that runs no more, but for those that its chunk aside still works on."""
        is_at_work = self._leave_aside(request)
        self.cache.detach(request)
        if not is_at_work:
            self._release_input(request)

    def _release_input(self, request: Request) -> None:
        if request.encoder is not None:
            request.encoder.release(request, self.pool)

    def _leave_aside(self, request: Request) -> bool:
        """Nobody waits for the request's chunk aside; returns whether it goes on with those of others."""
        aside = self.aside
        if aside is None or all(chunk.request is not request for chunk in aside.chunks):
            return False
        aside.chunks = [chunk for chunk in aside.chunks if chunk.request is not request]
        if not aside.chunks:
            self.end_aside()
            return False
        self.pool.share(request.blocks)
        aside.held += request.blocks
        aside.left.append(request)
        return True


def _is_over(request: Request, now: float) -> bool:
    deadline = request.service.deadline
    return request.cancel_requested or (deadline is not None and now >= deadline)


def _rank(request: Request) -> tuple[int, int]:
    return request.rank
