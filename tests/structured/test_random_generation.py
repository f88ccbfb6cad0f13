"""A model that knows nothing, sampled as every model is, still answers in the form that is asked for."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from llmagentos.engine.engine import Engine
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.sampling_params import SamplingParams
from tests.engine.engines import engine_on
from tests.engine.fake_backend import FakeBackend

from .acceptance_of_text import END_IDS, schema_grammar, tokenizer
from .bounded_schemas import MAX_TOKENS, SCHEMAS

VALIDATOR = Draft202012Validator
FORMATS = VALIDATOR.FORMAT_CHECKER


def random_engine() -> Engine:
    return engine_on(FakeBackend(n_blocks=256), sampler=NativeSampler(None))


def answers(engine: Engine, schema: dict[str, Any], seeds: range) -> list[Request]:
    constraint = tokenizer().constraint(schema_grammar(schema))
    requests = [
        Request(
            list(b"prompt"),
            SamplingParams(seed=seed, temperature=1.0),
            6 + MAX_TOKENS,
            end_ids=frozenset(END_IDS),
            constraint=constraint.copy(END_IDS),
        )
        for seed in seeds
    ]
    engine.run(requests)
    return requests


def all_valid(schema: dict[str, Any], requests: list[Request]) -> bool:
    validator = VALIDATOR(schema, format_checker=FORMATS)
    for request in requests:
        generated = [id for id in request.token_ids[request.n_prompt :] if id not in END_IDS]
        value = json.loads(bytes(generated))
        assert request.finish_reason == "stop"
        errors = [error.message for error in validator.iter_errors(value)]
        # The grammar of dates takes 29 February in every year.
        assert not [error for error in errors if "-02-29" not in error], value
    return bool(requests)


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_random_answers_are_valid(schema: dict[str, Any]) -> None:
    assert all_valid(schema, answers(random_engine(), schema, range(4)))


@pytest.mark.acceptance
@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_a_thousand_random_answers_are_valid(schema: dict[str, Any]) -> None:
    engine = random_engine()
    for start in range(0, 50, 10):
        assert all_valid(schema, answers(engine, schema, range(start, start + 10)))


def test_masks_change_no_logprobs() -> None:
    """They are of the raw distribution, before the mask."""
    plain, masked = (
        Request(
            list(b"prompt"),
            SamplingParams(seed=1, temperature=0.0, logprobs=3),
            7,
            constraint=constraint,
        )
        for constraint in (None, tokenizer().constraint('start: "x"').copy(()))
    )
    random_engine().run([plain])
    random_engine().run([masked])
    assert masked.token_ids[-1] == ord("x")
    assert masked.finish_reason == "stop"
    tops = [request.deltas[0].logprob.top for request in (plain, masked) if request.deltas[0].logprob]
    assert tops[0] == tops[1]
    assert np.isfinite(masked.deltas[0].logprob.logprob if masked.deltas[0].logprob else np.nan)
