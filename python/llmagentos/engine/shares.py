"""How many tokens of each request a step computes, and how many are set aside beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from llmagentos.engine.pacing import Pace
from llmagentos.engine.request import Request
from llmagentos.engine.schedule import Limits, Scheduled


@dataclass(slots=True)
class Shares:
    """Tokens for the requests that have some to compute.

    Attributes:
        batch: in the step's own batch.
        aside: to be set aside.
        n_streams: requests of the batch that wait for their next token.
    """

    batch: dict[Request, int] = field(default_factory=dict)
    aside: dict[Request, int] = field(default_factory=dict)
    n_streams: int = 0

    @property
    def has_joined(self) -> bool:
        """Whether prompts are computed in a batch of streams."""
        return 0 < self.n_streams < len(self.batch)


def shares_of(running: Sequence[Request], under_way: Collection[Request], pace: Pace, limits: Limits) -> Shares:
    """What each gets, where some are aside already: in order of rank, streams first.

    Beside streams, prompts join the batch only where they soon end with it.
    """
    ready = [request for request in running if not request.awaits_encoder]
    streams = [request for request in ready if request.has_started]
    prompts = [r for r in ready if not r.has_started and r.n_to_compute > 0 and r not in under_way]
    shares = Shares(dict.fromkeys(streams, 1), n_streams=len(streams))
    if not streams:
        if not under_way:
            shares.batch = _shared_out(prompts, limits.batched_tokens)
        return shares
    left = min(pace.joining_tokens(len(streams)), limits.batched_tokens - len(streams))
    rows = limits.logit_rows - len(streams)
    for request in sorted(prompts, key=_n_to_compute):
        n_rows = request.n_to_compute if request.scores_prompt else 1
        if left <= 0 or request.n_to_compute > left * pace.joining_steps:
            break
        if n_rows <= rows:
            shares.batch[request] = min(request.n_to_compute, left)
            left, rows = left - shares.batch[request], rows - n_rows
    if not under_way:
        longer = [request for request in prompts if request not in shares.batch]
        shares.aside = _shared_out(longer, pace.chunk_tokens(len(streams), limits.batched_tokens))
    return shares


def chunk_of(request: Request, n_tokens: int, rows: int) -> Scheduled | None:
    """So many of a request's tokens, or fewer where its prompt is scored, if they take no more rows of logits."""
    if request.scores_prompt:
        n_tokens = min(n_tokens, max(request.n_computed, len(request.prompt_scores)) + rows - request.n_computed)
    chunk = Scheduled(request, n_tokens)
    return chunk if n_tokens > 0 and chunk.n_logit_rows <= rows else None


def _shared_out(prompts: Sequence[Request], n_tokens: int) -> dict[Request, int]:
    """So many tokens for prompts, in order of rank.

    The first gets half, so that it always advances; the rest goes to those that are nearest to their first token, so
    that a short prompt does not wait for a long one.
    """
    if not prompts:
        return {}
    first, left = prompts[0], max(n_tokens, 1)
    shares = {first: min(first.n_to_compute, -(-left // 2))}
    left -= shares[first]
    for request in sorted(prompts, key=_n_to_compute):
        more = min(request.n_to_compute - shares.get(request, 0), left)
        shares[request] = shares.get(request, 0) + more
        left -= more
    return shares


def _n_to_compute(request: Request) -> int:
    return request.n_to_compute
