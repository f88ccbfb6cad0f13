"""Beam search: the best continuations of one prompt side by side, chosen anew after each token.

The rules are those of transformers' `generate` with num_beams and do_sample=False, so that sequences and scores are its
own. A beam's score is the sum of its tokens' log probabilities. Of all continuations of all beams, those among the
num_beams best that end a text become hypotheses, whose score is divided by length ** length_penalty; the num_beams best
of the others go on.

Each beam is a request of the engine. One whose row has been computed is parked until all of its group have been; then
the group chooses, and beams go on from shared blocks, which are copied when they are written to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from llmagentos.completion import TokenLogprob
from llmagentos.engine.request import Delta, EndReason, Request
from llmagentos.engine.sampler import Continuation, Continuations

if TYPE_CHECKING:
    from llmagentos.engine.constraints import Constraint
    from llmagentos.engine.detokenizer import Detokenizer


class Placement(Protocol):
    """The part of the scheduler that a group needs."""

    def fork(self, request: Request, parent: Request) -> None: ...
    def retire(self, request: Request) -> None: ...


@dataclass(slots=True)
class Beam:
    """A text under way.

    Attributes:
        request: computes it, and holds its tokens.
        score: sum of the generated tokens' log probabilities, after penalties.
        logprobs: of the generated tokens, raw, where they were asked for.
        text: looks for stop strings, where there are any.
        found: what may follow, once it is computed.
    """

    request: Request
    score: float = 0.0
    logprobs: list[TokenLogprob] = field(default_factory=list)
    text: Detokenizer | None = None
    found: Continuations | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that has ended. `score` is divided by its length's penalty."""

    token_ids: list[int]
    logprobs: list[TokenLogprob]
    score: float
    reason: EndReason
    constraint: Constraint | None


@dataclass(slots=True)
class _Branch:
    """One continuation of a beam. It ends the text where `reason` says how."""

    parent: Beam
    token_id: int
    score: float
    logprobs: list[TokenLogprob]
    text: Detokenizer | None
    constraint: Constraint | None
    reason: EndReason | None


class BeamGroup:
    """The beams of one prompt.

    Args:
        requests: num_beams of one prompt and params. The first is given to the scheduler and computes the prompt; each
            of them holds an answer in the end, best first.

    Attributes:
        requests: see there. Those that are no beam now are in no queue.
        ended: whether all of them are finished.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = tuple(requests)
        leader = self._leader = requests[0]
        self._params = leader.params
        text = leader.detokenizer.copy() if leader.detokenizer is not None and leader.params.stop else None
        self._beams = [Beam(leader, text=text)]  # best first
        self._hypotheses: list[Hypothesis] = []  # best first
        self.ended = False
        for request in requests:
            request.group = self

    @property
    def n_continuations(self) -> int:
        """Of each beam, so that num_beams go on even where as many end."""
        n_others = self._params.num_beams if self._params.stop or self._leader.constraint is not None else 0
        return self._params.num_beams + len(self._leader.end_ids) + n_others

    @property
    def is_ready(self) -> bool:
        """Whether every beam's continuations are known."""
        return not self.ended and all(beam.found is not None for beam in self._beams)

    def report(self, request: Request, found: Continuations) -> None:
        """Take what may follow a beam. It waits for the others, and can be pre-empted meanwhile at no cost."""
        request.is_parked = True
        next(beam for beam in self._beams if beam.request is request).found = found

    def advance(self, placement: Placement) -> None:
        """Choose what goes on, once the group is ready; ends the group where nothing does."""
        n_beams, chosen = self._params.num_beams, list[_Branch]()
        for rank, (beam, continuation) in enumerate(self._ranked()):
            if len(chosen) == n_beams:
                break
            branch = self._branch(beam, continuation)
            if branch.reason == "error" and branch.constraint is not None:
                self.end("error", branch.constraint.error)
                return
            if branch.reason is None:
                chosen.append(branch)
            elif rank < n_beams:
                self._hypotheses.append(self._hypothesis(branch, branch.reason))
        self._hypotheses.sort(key=lambda hypothesis: -hypothesis.score)  # stable: of equal ones the earlier first
        del self._hypotheses[n_beams:]
        if self._is_decided(chosen):
            self._deliver()
        else:
            self._go_on(chosen, placement)

    def end(self, reason: EndReason, error: BaseException | None = None) -> None:
        """Finish all requests. Where time is over, their answers are the best texts so far, ended or not."""
        if self.ended:
            return
        if reason == "timeout":
            self._hypotheses += [self._unfinished(beam) for beam in self._beams]
            self._hypotheses.sort(key=lambda hypothesis: -hypothesis.score)
            self._deliver(reason)
            return
        self.ended = True
        for request in self.requests:
            request.end(reason, error)

    def _ranked(self) -> Iterator[tuple[Beam, Continuation]]:
        """All continuations of all beams, best first."""
        found = [(beam, one) for beam in self._beams if beam.found is not None for one in beam.found.best]
        found.sort(key=lambda pair: -(pair[0].score + pair[1].score))  # stable: of equal ones the better beam's first
        return iter(found)

    def _branch(self, beam: Beam, continuation: Continuation) -> _Branch:
        request, token_id = beam.request, continuation.token_id
        reason: EndReason | None = "stop" if token_id in request.end_ids else None
        constraint, text = request.constraint, beam.text
        if constraint is not None:
            constraint = constraint.copy(request.end_ids)
            if not constraint.accept(token_id):
                reason = "error"
            elif constraint.is_complete:
                reason = "stop"
        if text is not None and reason is None:
            text = text.copy()
            text.push(token_id, request.n_output + 1 > request.min_tokens)
            reason = "stop" if text.stopped else None
        if reason is None and len(request.token_ids) + 1 >= request.max_length:
            reason = "length"
        logprobs = beam.logprobs
        if self._params.logprobs is not None and beam.found is not None:
            logprobs = [*logprobs, TokenLogprob(token_id, continuation.logprob, beam.found.top)]
        return _Branch(beam, token_id, beam.score + continuation.score, logprobs, text, constraint, reason)

    def _hypothesis(self, branch: _Branch, reason: EndReason) -> Hypothesis:
        request = branch.parent.request
        score = self._penalised(branch.score, request.n_output + 1)
        return Hypothesis([*request.token_ids, branch.token_id], branch.logprobs, score, reason, branch.constraint)

    def _unfinished(self, beam: Beam) -> Hypothesis:
        request = beam.request
        score = self._penalised(beam.score, max(1, request.n_output))
        return Hypothesis(request.token_ids, beam.logprobs, score, "timeout", request.constraint)

    def _penalised(self, score: float, length: int) -> float:
        return score / math.pow(length, self._params.length_penalty)

    def _is_decided(self, chosen: Sequence[_Branch]) -> bool:
        """Whether no beam is left, or none is worth going on with."""
        params, leader = self._params, self._leader
        if not chosen:
            return True
        if len(self._hypotheses) < params.num_beams:
            return False
        if params.early_stopping is True:
            return True
        length = chosen[0].parent.request.n_output + 1
        if params.early_stopping == "never" and params.length_penalty > 0:
            length = leader.max_length - leader.n_prompt  # a longer text may still come to a better score
        return self._penalised(chosen[0].score, length) <= self._hypotheses[-1].score

    def _go_on(self, chosen: Sequence[_Branch], placement: Placement) -> None:
        """Make these branches the beams. The best one of each beam stays in its request, others take the free ones."""
        kept = {branch.parent.request for branch in chosen}
        free = [request for request in self.requests if request not in kept]
        places, stayed = list[Request](), set[Request]()
        for branch in chosen:
            place = parent = branch.parent.request
            if parent in stayed:
                place = free.pop(0)
                placement.fork(place, parent)
            stayed.add(parent)
            places.append(place)
        for request in free:
            placement.retire(request)
        self._beams = []
        for request, branch in zip(places, chosen, strict=True):
            request.token_ids.append(branch.token_id)
            request.is_parked = False
            if branch.constraint is not None:
                request.constraint, request.sampler_state = branch.constraint, None
            self._beams.append(Beam(request, branch.score, branch.logprobs, branch.text))

    def _deliver(self, reason: EndReason | None = None) -> None:
        """Give each request its answer. Where there are fewer, the last requests are left without one."""
        self.ended = True
        for request in self.requests[len(self._hypotheses) :]:
            del request.token_ids[request.n_prompt :]
            request.end(reason or "cancelled")
        for request, hypothesis in zip(self.requests, self._hypotheses, strict=False):
            if request is not self._leader:
                request.prompt_scores, request.n_cached = self._leader.prompt_scores, request.n_input
            _answer(request, hypothesis, reason or hypothesis.reason)


def _answer(request: Request, hypothesis: Hypothesis, reason: EndReason) -> None:
    """Finish a request with a text that is whole, or as far as it got."""
    request.token_ids, request.constraint = list(hypothesis.token_ids), hypothesis.constraint
    request.sequence_score = hypothesis.score
    for index, token_id in enumerate(request.token_ids[request.n_prompt :]):
        text = ""
        if request.detokenizer is not None and token_id not in request.end_ids:
            text = request.detokenizer.push(token_id, index + 1 > request.min_tokens)
        logprob = hypothesis.logprobs[index] if hypothesis.logprobs else None
        request.deltas.append(Delta(text, token_id, logprob))
    if request.detokenizer is not None:
        request.tail = request.detokenizer.flush()
    request.end(reason)
