"""Engines on fake backends, and requests for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.engine import Engine, EngineConfig
from llmagentos.engine.request import Request, Service
from llmagentos.engine.sampler import Sampler
from llmagentos.engine.speculation import Proposer
from llmagentos.sampling_params import SamplingParams

from .fake_backend import FakeBackend, FakeSampler
from .fake_tokenizer import FakeTokenizer

NO_SERVICE = Service()


def engine_on(
    backend: FakeBackend,
    context_length: int | None = None,
    max_batched_tokens: int = 512,
    sampler: Sampler | None = None,
    proposer: Proposer | None = None,
    **config: Any,
) -> Engine:
    room = backend.n_blocks * backend.block_size
    settings = {"max_running": 64, "max_queued": 1000, **config}
    engine_config = EngineConfig(context_length or room, max_batched_tokens, **settings)
    return Engine(backend, sampler or FakeSampler(), engine_config, proposer)


def request_for(
    prompt: list[int], n_new: int = 8, end_ids: frozenset[int] = frozenset(), choice: int = 0, **params: Any
) -> Request:
    sampling = SamplingParams(**{"temperature": 0.0, "seed": 1, **params})
    return Request(prompt, sampling, len(prompt) + n_new, end_ids=end_ids, choice=choice)


def search_for(
    prompt: Sequence[int],
    n_new: int = 8,
    end_ids: frozenset[int] = frozenset(),
    service: Service = NO_SERVICE,
    **params: Any,
) -> list[Request]:
    """The requests of one search, the first of which computes the prompt."""
    sampling = SamplingParams(**{"temperature": 0.0, "num_beams": 3, **params})
    text = [Detokenizer(FakeTokenizer(), sampling.stop or ()) for _ in range(sampling.num_beams)]
    requests = [
        Request(prompt, sampling, len(prompt) + n_new, text[choice], end_ids, choice=choice, service=service)
        for choice in range(sampling.num_beams)
    ]
    BeamGroup(requests)
    return requests


def alone(prompt: list[int], n_new: int, choice: int = 0, **params: Any) -> list[int]:
    """What a request gives on an engine of its own."""
    request = request_for(prompt, n_new, choice=choice, **params)
    engine_on(FakeBackend()).run([request])
    return request.token_ids


def assert_idle(engine: Engine) -> None:
    """Nothing is queued, no block has an owner, and each is fresh, spare or idle."""
    scheduler = engine._scheduler
    assert not scheduler.running
    assert not scheduler.waiting
    assert not scheduler.cache._computing
    pool = scheduler.pool
    assert pool.n_free == pool.n_blocks
    assert sorted([*pool._spare, *pool._idle]) == list(range(pool._n_used))
