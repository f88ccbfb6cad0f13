"""One sequence on its way through the engine.

    WAITING --admitted--> RUNNING --stop, length--> FINISHED
       ^                     |
       +----pre-empted-------+        a cancelled, late or failed request is FINISHED from either state

The tokens known so far are the truth of a request: everything else (KV blocks, how much is computed) can be dropped
and computed again from them, which is all that pre-emption does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Literal

from llmagentos.completion import TokenLogprob
from llmagentos.engine.blocks import BlockKey, root_of
from llmagentos.engine.constraints import Constraint
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.encoder_input import EncoderInput
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.engine.beams import BeamGroup

EndReason = Literal["stop", "length", "timeout", "cancelled", "error"]


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


@dataclass(frozen=True, slots=True)
class Service:
    """What a caller asks of the engine for its requests, besides the tokens.

    Attributes:
        priority: lower goes first; equal ones in order of arrival.
        deadline: time.monotonic() at which the request ends with what it has, or None.
        salt: requests share cached blocks only where their salts are equal.
        adapter: the number of the adapter that computes them, or None.
    """

    priority: int = 0
    deadline: float | None = None
    salt: bytes = b""
    adapter: int | None = None


class Request:
    """A sequence that advances toward its known tokens, and past them by one sampled token at a time.

    Attributes:
        token_ids: prompt and generated tokens; of an encoder-decoder model those of the decoder.
        encoder: what the encoder of such a model reads, or None.
        forced_first, forced_last: the first generated token, and the one that fills max_length, whatever the logits
            say; None where these decide.
        n_computed: leading tokens whose K and V are in the cache.
        blocks: the KV blocks owned, in order of position.
        keys: of the leading full blocks, as far as somebody asked.
        awaited: digest of the block that a running request was computing when this one last asked, or None.
        n_published: leading tokens, full blocks of them, that other requests can find in the cache.
        n_cached: prompt tokens that were found in the cache.
        deltas: generated tokens for the consumer, in order.
        tail: text that was held back when the request ran out of time.
        prompt_scores: where wanted, entry i is for token i + 1 of the prompt.
        followers: other completions of the same prompt, which begin as copies once the prompt is computed.
        group: the beams of the same prompt, with this one among them, or None.
        is_parked: a beam that waits for the others of its group; it has nothing to compute.
        sequence_score: of a beam search's answer: the sum of its tokens' log probabilities, after penalties, divided by
            its length to the power of length_penalty.
        choice: number of this completion of its prompt.
        constraint: this request's own, which every generated token goes through, or None.
        sampler_state: what the sampler keeps with the request from one token to the next. Whoever replaces tokens other
            than the newest sets it to None.
        drafting: what whoever proposes drafts for the request keeps with it.
        cancel_requested: set by any thread, without a lock; the next step drops the request.
        listener: called, by whatever thread runs the step, after each step that gave the request a token or ended it.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams,
        max_length: int,
        detokenizer: Detokenizer | None = None,
        end_ids: frozenset[int] = frozenset(),
        *,
        choice: int = 0,
        prompt_logprobs: int | None = None,
        constraint: Constraint | None = None,
        service: Service = Service(),
        encoder: EncoderInput | None = None,
        forced_first: int | None = None,
        forced_last: int | None = None,
    ) -> None:
        self.token_ids = list(prompt_ids)
        self.n_prompt = len(prompt_ids)
        self.params = params
        self.max_length = max_length
        self.detokenizer = detokenizer
        self.end_ids = end_ids
        self.service = service
        self.encoder = encoder
        self.forced_first = forced_first
        self.forced_last = forced_last
        self.choice = choice
        self.seed = choice_seed(params.seed, choice)
        self.state = State.WAITING
        self.arrival = 0  # given by the scheduler, in order
        self.n_computed = 0
        self.n_published = 0
        self.n_cached = 0
        self.blocks: list[int] = []
        self.keys: list[BlockKey] = []
        self.awaited: bytes | None = None
        self.deltas: list[Delta] = []
        self.tail = ""
        self.prompt_logprobs = prompt_logprobs
        self.prompt_scores: list[TokenLogprob] = []
        self.followers: list[Request] = []
        self.group: BeamGroup | None = None
        self.is_parked = False
        self.sequence_score: float | None = None
        self.min_tokens = max(params.min_tokens, params.min_length - self.n_prompt)
        self.finish_reason: EndReason | None = None
        self.error: BaseException | None = None
        self.constraint = constraint
        self.sampler_state: object = None
        self.drafting: object = None
        self.cancel_requested = False
        self.listener: Callable[[], None] | None = None
        self.times = Times(time.monotonic())

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller goes first."""
        return self.service.priority, self.arrival

    @property
    def members(self) -> Sequence[Request]:
        """All that end together: the beams of a group, the one that computes the prompt first, or this request."""
        return (self,) if self.group is None else self.group.requests

    @property
    def root(self) -> bytes:
        """Requests share cached blocks only where it is equal: the service's salt, the adapter, the encoder's input."""
        input_ids = None if self.encoder is None else self.encoder.token_ids
        return root_of(self.service.salt, self.service.adapter, input_ids)

    @property
    def n_input(self) -> int:
        """Tokens of what the caller gave."""
        return self.n_prompt if self.encoder is None else len(self.encoder.token_ids)

    @property
    def awaits_encoder(self) -> bool:
        return self.encoder is not None and not self.encoder.is_computed

    @property
    def forced_token(self) -> int | None:
        """The next token, where it does not depend on the logits."""
        if self.forced_last is not None and len(self.token_ids) == self.max_length - 1:
            return self.forced_last
        return self.forced_first if self.n_output == 0 else None

    @property
    def n_output(self) -> int:
        return len(self.token_ids) - self.n_prompt

    @property
    def n_known(self) -> int:
        """Tokens to compute. The last one of a text that is only scored predicts nothing that is asked for."""
        n = len(self.token_ids)
        return n if n < self.max_length else n - 1

    @property
    def n_to_compute(self) -> int:
        """Known tokens not yet in the cache."""
        return self.n_known - self.n_computed

    @property
    def scores_prompt(self) -> bool:
        """Whether logits of the prompt's tokens are still wanted."""
        return self.prompt_logprobs is not None and len(self.prompt_scores) < self.n_prompt - 1

    @property
    def n_reusable(self) -> int:
        """Leading tokens that may come from the cache: nothing is wanted of them but their K and V."""
        return len(self.prompt_scores) if self.scores_prompt else self.n_known - 1

    @property
    def has_started(self) -> bool:
        """Whether it advances by sampled tokens: what is left to compute is short, and somebody waits for each."""
        return self.n_output > 0 and self.n_to_compute == 1

    @property
    def finished(self) -> bool:
        return self.state is State.FINISHED

    def append(self, token_id: int, logprob: TokenLogprob | None) -> None:
        """Take a sampled token, and finish where it, or the text or the grammar it completes, ends the request."""
        self.token_ids.append(token_id)
        is_end = token_id in self.end_ids
        if self.constraint is not None and not self.constraint.accept(token_id):
            self.finish("error", self.constraint.error)
            return
        is_whole = is_end or (self.constraint is not None and self.constraint.is_complete)
        is_last = is_whole or len(self.token_ids) >= self.max_length
        text, stopped = "", False
        if self.detokenizer is not None:
            text = "" if is_end else self.detokenizer.push(token_id, self.n_output > self.min_tokens)
            text += self.detokenizer.flush() if is_last else ""
            stopped = self.detokenizer.stopped
        self.deltas.append(Delta(text, token_id, logprob))
        if is_whole or stopped:
            self.finish("stop")
        elif is_last:
            self.finish("length")

    def begin_as_copy_of(self, leader: Request) -> None:
        """Take over what the leader has computed of the prompt that both have; the caller shares the blocks, or has it
        give them up."""
        self.go_on_as(leader)
        self.n_cached = leader.n_input

    def go_on_as(self, other: Request) -> None:
        """Take over another's tokens and what is computed of them; the caller shares the blocks."""
        self.token_ids, self.blocks, self.keys = list(other.token_ids), list(other.blocks), list(other.keys)
        self.n_computed, self.n_published, self.awaited = other.n_computed, other.n_published, None
        self.prompt_scores = other.prompt_scores
        self.sampler_state = self.drafting = None
        self.state = other.state
        self.times.began = True

    def give_up_blocks(self) -> None:
        """Wait, after taking over another's tokens, for blocks of its own; the caller has shared none."""
        self.blocks = []
        self.n_computed = self.n_published = 0
        self.state = State.WAITING

    def finish(self, reason: EndReason, error: BaseException | None = None) -> None:
        """End the request, and with it its group and the completions that were to begin from it."""
        if self.group is not None:
            self.group.end(reason, error)
            return
        if reason == "timeout" and self.detokenizer is not None:
            self.tail = self.detokenizer.flush()
        self.end(reason, error)
        for follower in self.followers:
            follower.finish(reason, error)

    def end(self, reason: EndReason, error: BaseException | None = None) -> None:
        """End this request alone, as it is."""
        # The state last: other threads read the rest once it says that there is no more to come.
        self.finish_reason = reason
        self.error = error
        self.state = State.FINISHED


@dataclass(slots=True)
class Times:
    """When things happened to a request, in seconds of time.monotonic(), and whether it ever ran."""

    arrived: float
    began: bool = False
    first_token: float | None = None
    last_token: float | None = None


def choice_seed(seed: int | None, choice: int) -> int:
    """The seed of completion `choice` of a prompt: the given one for the first, well apart from it for the others.

    Steps of the 64-bit golden ratio, as SplitMix64 takes them (Steele et al., OOPSLA 2014), so that neighbouring
    seeds do not share their later choices.
    """
    if seed is None:
        return secrets.randbits(64)
    return (seed + choice * 0x9E3779B97F4A7C15) % 2**64
