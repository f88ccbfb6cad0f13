"""What one step computes."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmagentos.backends.protocol import AsideTime
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.engine.request import Request


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch and the queues hold at most.

    Attributes:
        batched_tokens: tokens that a step computes, or sets aside.
        logit_rows: rows of logits that either asks for; bounds the memory they take.
        running: requests under way together.
    """

    batched_tokens: int
    logit_rows: int
    running: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The request's next `n_tokens` known tokens, from position `request.n_computed`, in this step.

    Attributes:
        drafts: tokens behind the last known one that are tried out with it.
    """

    request: Request
    n_tokens: int
    drafts: tuple[int, ...] = ()

    @property
    def samples(self) -> bool:
        """Whether the step computes the last known token, and the next one is to be sampled from its logits."""
        request = self.request
        return self.n_tokens == request.n_to_compute and request.n_known == len(request.token_ids)

    @property
    def scored(self) -> range:
        """Positions of the prompt whose logits are wanted to score the token that follows."""
        request, begin = self.request, self.request.n_computed
        if not request.scores_prompt:
            return range(0)
        return range(max(begin, len(request.prompt_scores)), min(begin + self.n_tokens, request.n_prompt - 1))

    @property
    def n_logit_rows(self) -> int:
        return len(self.scored) + self.samples + len(self.drafts)


@dataclass(eq=False, slots=True)
class Aside:
    """Chunks of prompts that are computed piece by piece beside the steps of streams.

    Attributes:
        chunks: whose requests wait for them, in order of rank.
        left: requests that have ended; their chunks are computed with the others.
        held: the blocks of those.
        seconds: that all of it has taken so far.
    """

    chunks: list[Scheduled]
    left: list[Request] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Schedule:
    """One step's work.

    Attributes:
        chunks: in order of rank.
        inputs: what the encoder of an encoder-decoder model is to read; the step has no chunks then.
        copies: (from, to) blocks that are to be copied before anything else, in this order.
        aside: what the step goes on with after its chunks, or None.
        aside_time: for how long; None computes all that is left of it, without other chunks.
        admitted, preempted, ended: requests that began, that were put back, and that were cancelled or too late.
    """

    chunks: list[Scheduled] = field(default_factory=list)
    inputs: list[EncoderInput] = field(default_factory=list)
    copies: list[tuple[int, int]] = field(default_factory=list)
    aside: Aside | None = None
    aside_time: AsideTime | None = None
    admitted: list[Request] = field(default_factory=list)
    preempted: list[Request] = field(default_factory=list)
    ended: list[Request] = field(default_factory=list)
