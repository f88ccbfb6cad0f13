"""One sequence on its way through the engine.

    WAITING --admitted--> RUNNING --stop, length--> FINISHED
       ^                     |
       +----pre-empted-------+        a cancelled or failed request is FINISHED from either state

The tokens known so far are the truth of a request: everything else (KV blocks, how much is computed) can be dropped
and computed again from them, which is all that pre-emption does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmagentos.completion import TokenLogprob
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.sampling_params import SamplingParams


class State(Enum):
    WAITING = auto()
    RUNNING = auto()
    FINISHED = auto()


@dataclass(frozen=True, slots=True)
class Delta:
    """One sampled token as its consumer sees it: the text it completes may be empty."""

    text: str
    token_id: int
    logprob: TokenLogprob | None


class Request:
    """A sequence that advances toward its known tokens, and past them by one sampled token at a time.

    Attributes:
        token_ids: prompt and generated tokens.
        n_computed: leading tokens whose K and V are in the cache.
        blocks: the KV blocks owned, in order of position.
        deltas: generated tokens for the consumer, in order.
        scores: for a scoring request, float32 [n - 1]; entry i is the log probability of token i + 1. None otherwise.
        sampler_state: what the sampler keeps with the request from one token to the next.
        cancel_requested: set by any thread, without a lock; the next step drops the request.
    """

    def __init__(
        self,
        prompt_ids: list[int],
        params: SamplingParams,
        max_length: int,
        detokenizer: Detokenizer | None = None,
        end_ids: frozenset[int] = frozenset(),
        choice: int = 0,
        scoring: bool = False,
    ) -> None:
        self.token_ids = list(prompt_ids)
        self.n_prompt = len(prompt_ids)
        self.params = params
        self.max_length = max_length
        self.detokenizer = detokenizer
        self.end_ids = end_ids
        self.seed = choice_seed(params.seed, choice)
        self.state = State.WAITING
        self.n_computed = 0
        self.blocks: list[int] = []
        self.deltas: list[Delta] = []
        self.scores: NDArray[np.float32] | None = np.zeros(len(prompt_ids) - 1, np.float32) if scoring else None
        self.finish_reason: Literal["stop", "length", "cancelled", "error"] | None = None
        self.error: BaseException | None = None
        self.sampler_state: object = None
        self.cancel_requested = False

    @property
    def n_output(self) -> int:
        return len(self.token_ids) - self.n_prompt

    @property
    def n_to_compute(self) -> int:
        """Known tokens not yet in the cache. The last token of a scored text predicts nothing that is asked for."""
        known = len(self.token_ids) if self.scores is None else len(self.token_ids) - 1
        return known - self.n_computed

    @property
    def finished(self) -> bool:
        return self.state is State.FINISHED

    def append(self, token_id: int, logprob: TokenLogprob | None) -> None:
        """Take a sampled token, and finish where it, or the text it completes, ends the request."""
        self.token_ids.append(token_id)
        is_end = token_id in self.end_ids
        is_last = is_end or len(self.token_ids) >= self.max_length
        text, stopped = "", False
        if self.detokenizer is not None:
            text = "" if is_end else self.detokenizer.push(token_id)
            text += self.detokenizer.flush() if is_last else ""
            stopped = self.detokenizer.stopped
        self.deltas.append(Delta(text, token_id, logprob))
        if is_end or stopped:
            self.finish("stop")
        elif is_last:
            self.finish("length")

    def finish(self, reason: Literal["stop", "length", "cancelled", "error"]) -> None:
        self.state = State.FINISHED
        self.finish_reason = reason


def choice_seed(seed: int | None, choice: int) -> int:
    """The seed of completion `choice` of a prompt: the given one for the first, well apart from it for the others.

    Steps of the 64-bit golden ratio, as SplitMix64 takes them (Steele et al., OOPSLA 2014), so that neighbouring
    seeds do not share their later choices.
    """
    if seed is None:
        return secrets.randbits(64)
    return (seed + choice * 0x9E3779B97F4A7C15) % 2**64
