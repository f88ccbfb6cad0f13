"""A second model as the source of drafts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.backends.protocol import AsideTime, RaggedBatch
from llmagentos.engine.draft_model import DraftModelProposer
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request, Service

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend
from .guesses import try_all


class OtherBackend(FakeBackend):
    """A model that never agrees with the other one."""

    def run(self, batch: RaggedBatch, aside: AsideTime | None = None) -> NDArray[np.float32]:
        return -super().run(batch, aside)


def engine_with(drafting: Engine) -> Engine:
    proposer = DraftModelProposer(drafting)
    return try_all(engine_on(FakeBackend(), proposer=proposer), proposer)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_that_agrees_is_always_right(temperature: float) -> None:
    drafting = engine_on(FakeBackend())
    engine = engine_with(drafting)
    requests = [request_for([n, 2, 3], 30, temperature=temperature) for n in range(3)]
    engine.run(requests)
    assert [r.token_ids for r in requests] == [alone([n, 2, 3], 30, temperature=temperature) for n in range(3)]
    assert engine.stats().acceptance_rate == 1.0
    assert engine.stats().n_steps < 10
    assert_idle(drafting)


class Probes(DraftModelProposer):
    """Proposes only where it has rested, and notes where that is."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.positions: list[int] = []

    def chances(self, request: Request, most: int) -> Sequence[float]:
        found = super().chances(request, most)
        if found[:1] != [1.0]:
            return ()
        self.positions.append(request.n_output)
        return found


def test_a_model_that_never_agrees_is_asked_less_and_less() -> None:
    proposer = Probes(engine_on(OtherBackend(n_blocks=400)))
    engine = try_all(engine_on(FakeBackend()), proposer)
    request = request_for([1, 2, 3], 200)
    engine.run([request])
    assert request.token_ids == alone([1, 2, 3], 200)
    assert proposer.positions == [17, 49, 113]


def test_a_model_that_agrees_is_asked_again_soon() -> None:
    proposer = Probes(engine_on(FakeBackend()))
    engine = try_all(engine_on(FakeBackend()), proposer)
    engine.run([request_for([1, 2, 3], 80)])
    assert set(np.diff(proposer.positions)) == {16}


def test_the_tokens_so_far_are_computed_once() -> None:
    backend = FakeBackend(block_size=4)
    engine_with(engine_on(backend)).run([request_for(list(range(100)), 60)])
    n_proposals = 60 / 16
    assert sum(backend.n_tokens_per_run) < 100 + 60 + 5 * (n_proposals + 1)


def test_texts_longer_than_its_context_are_left_to_the_model() -> None:
    engine = engine_with(engine_on(FakeBackend(n_blocks=1), context_length=20))
    request = request_for([1, 2, 3], 60)
    engine.run([request])
    assert request.token_ids == alone([1, 2, 3], 60)
    assert 0 < engine.stats().drafted_tokens < 20


def test_salts_keep_prompts_apart_there_too() -> None:
    drafting = engine_on(FakeBackend(block_size=4))
    engine = engine_with(drafting)
    for salt in (b"a", b"b", b"b"):
        request = request_for(list(range(40)), 5)
        request.service = Service(salt=salt)
        engine.run([request])
    assert drafting.stats().cached_tokens == 40  # of the third


def test_it_is_closed_with_the_engine() -> None:
    backend = FakeBackend()
    engine_with(engine_on(backend)).close()
    assert backend.closed
