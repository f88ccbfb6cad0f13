"""What is wrong with one request ends that request alone: the others of its step and the cache stay as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.constraints import ConstraintTokenizer
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.each_alone import each_alone
from llmagentos.engine.engine import Engine
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.sampling_params import SamplingParams

from .engines import assert_idle, engine_on, request_for, search_for
from .fake_backend import FakeBackend
from .fake_tokenizer import FakeTokenizer

POISON = 255  # a token after which there are no logits
PREFIX = list(range(40))  # more than a block


class PoisonedBackend(FakeBackend):
    """Logits of a sequence that holds the token are not numbers."""

    def _logits(self, batch: RaggedBatch, sequence: int, position: int) -> NDArray[np.float32]:
        logits = super()._logits(batch, sequence, position)
        n_blocks = position // self.block_size + 1
        seen = self._slots[batch.block_tables[sequence, :n_blocks]].reshape(-1, 2)[: position + 1, 0]
        return np.full_like(logits, np.nan) if POISON in seen else logits


class Unreadable(FakeTokenizer):
    def token_bytes(self, id: int) -> bytes:
        raise KeyError(f"no bytes of {id}")


def sampling_engine() -> Engine:
    return engine_on(PoisonedBackend(), sampler=NativeSampler(None))


def run_beside(engine: Engine, bad: Sequence[Request], message: str, kind: type[Exception] = LLMAgentOSError) -> None:
    """Run requests of which the first fails, beside one that has begun; then check that all else is as without them."""
    engine.run([request_for([*PREFIX, 1], 2)])
    n_cached = engine.stats().n_blocks_cached
    beside = request_for([*PREFIX, 2], 12)
    stream = engine.stream(beside)
    tokens = [next(stream).token_id]
    with pytest.raises(kind, match=message):
        engine.run(bad)
    tokens += [delta.token_id for delta in stream]
    reference = request_for([*PREFIX, 2], 12)
    sampling_engine().run([reference])
    assert tokens == reference.token_ids[reference.n_prompt :]
    engine.run([request_for([3], 2)])
    assert_idle(engine)
    assert engine.stats().n_blocks_cached >= n_cached
    assert beside.n_cached == 32
    assert [one.finish_reason for one in bad] == ["error"] * len(bad)


@pytest.mark.parametrize("params", [{"temperature": 0.0}, {"temperature": 1.0, "top_p": 0.9, "logprobs": 2}])
def test_logits_that_are_no_numbers_fail_their_own_request(params: dict[str, Any]) -> None:
    run_beside(sampling_engine(), [request_for([1, POISON, 2], 8, **params)], "NaN")


def test_they_fail_every_completion_of_their_prompt() -> None:
    group = [request_for([1, POISON], 8, choice=choice) for choice in range(3)]
    group[0].followers = group[1:]
    run_beside(sampling_engine(), group, "NaN")


def test_they_fail_the_search_that_they_belong_to() -> None:
    run_beside(sampling_engine(), search_for([1, POISON], num_beams=3), "NaN")


def test_they_fail_the_scores_of_a_prompt() -> None:
    params = SamplingParams(temperature=0.0)
    run_beside(sampling_engine(), [Request([1, POISON, 2, 3], params, 4, prompt_logprobs=0)], "NaN")
    group = [Request([1, POISON, 2, 3], params, 9, prompt_logprobs=0, choice=choice) for choice in range(2)]
    group[0].followers = group[1:]
    run_beside(sampling_engine(), group, "NaN")


def constrained(grammar: str, end_ids: frozenset[int], **params: Any) -> list[Request]:
    constraint = ConstraintTokenizer(FakeTokenizer()).constraint(grammar)
    if params.get("num_beams", 1) > 1:
        requests = search_for([1, 2], end_ids=end_ids, **params)
    else:
        requests = [request_for([1, 2], end_ids=end_ids, **params)]
    for request in requests:
        request.constraint = constraint.copy(end_ids)
    return requests


@pytest.mark.parametrize("num_beams", [1, 2])
def test_an_end_token_that_the_grammar_needs_fails_its_own_request(num_beams: int) -> None:
    requests = constrained('start: "a5b"', frozenset([ord("5")]), num_beams=num_beams)
    run_beside(sampling_engine(), requests, "cannot go on: .*stop_token_ids", InvalidRequestError)


def test_an_end_token_that_the_grammar_can_do_without_does_no_harm() -> None:
    (request,) = constrained('start: /a[5-7]/ "b"', frozenset([ord("5")]))
    sampling_engine().run([request])
    assert bytes(request.token_ids[2:]) in (b"a6b", b"a7b")


def test_a_text_that_cannot_be_read_fails_its_own_request() -> None:
    request = request_for([1, 2], 8)
    request.detokenizer = Detokenizer(Unreadable(), ())
    run_beside(sampling_engine(), [request], "no bytes", KeyError)


def test_a_text_that_cannot_be_read_fails_its_own_search() -> None:
    requests = search_for([1, 2], num_beams=2, stop="x")
    for request in requests:
        request.detokenizer = Detokenizer(Unreadable(), ("x",))
    BeamGroup(requests)
    run_beside(sampling_engine(), requests, "no bytes", KeyError)


def test_drafts_that_cannot_be_made_cost_nobody_anything(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        seconds_per_draft = 0.0

        def chances(self, request: Request, most: int) -> Sequence[float]:
            return [1.0] * most

        def propose(self, counts: Sequence[tuple[Request, int]]) -> Sequence[Sequence[int]]:
            raise LLMAgentOSError("no drafts today")

        def close(self) -> None:
            pass

    engine, request, reference = engine_on(FakeBackend(), proposer=Failing()), request_for([1], 9), request_for([1], 9)
    engine.run([request])
    engine_on(FakeBackend()).run([reference])
    assert request.token_ids == reference.token_ids
    assert "no drafts today" in caplog.text


def test_results_are_taken_together_where_that_works() -> None:
    asked: list[list[int]] = []

    def compute(chosen: Sequence[int]) -> list[int]:
        asked.append(list(chosen))
        if 2 in chosen:
            raise ValueError("two")
        return [10 * index for index in chosen]

    assert each_alone(2, compute) == [0, 10]
    assert asked == [[0, 1]]
    zero, one, two = each_alone(3, compute)
    assert (zero, one) == (0, 10)
    assert isinstance(two, ValueError)
