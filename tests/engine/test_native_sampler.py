from __future__ import annotations

import numpy as np

from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.sampling_params import SamplingParams

from .fake_backend import log_softmax

LOGITS = np.random.default_rng(1).normal(size=(4, 50)).astype(np.float32)


def request(**params: object) -> Request:
    return Request([3, 4], SamplingParams(**params), 10)  # type: ignore[arg-type]


def test_rows_carry_each_requests_own_settings() -> None:
    order = np.argsort(-LOGITS, axis=1)
    requests = [
        request(temperature=0),
        request(temperature=0, logit_bias={7: 100.0}, logprobs=3),
        request(temperature=1, top_k=1, seed=1),
        request(temperature=0, repetition_penalty=100.0, logit_bias={3: 50.0}),
    ]
    results = NativeSampler(None).sample(LOGITS, requests)
    assert [token for token, _ in results[:3]] == [order[0, 0], 7, order[2, 0]]
    assert results[3][0] != 3  # in the prompt: its logit of about 50 is divided by 100
    assert results[0][1] is None
    logprob = results[1][1]
    assert logprob is not None
    assert logprob.token_id == 7
    assert [id for id, _ in logprob.top] == order[1, :3].tolist()
    np.testing.assert_allclose(logprob.logprob, log_softmax(LOGITS[1])[7], rtol=1e-6)


def test_a_draw_is_keyed_by_seed_and_token_index() -> None:
    sampler, row = NativeSampler(None), LOGITS[:1]
    first, again, other_seed = (request(temperature=1, seed=seed) for seed in (5, 5, 6))
    draws = []
    for one in (first, again, other_seed):
        for _ in range(6):
            token, _ = sampler.sample(row, [one])[0]
            one.append(token, None)
        draws.append(one.token_ids[2:])
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert len(set(draws[0])) > 1


def test_scores_are_the_log_softmax_of_the_given_tokens() -> None:
    targets = [0, 49, 7, 7]
    scores = NativeSampler(None).score(LOGITS, targets, 3)
    assert [score.token_id for score in scores] == targets
    assert [[token for token, _ in s.top] for s in scores] == np.argsort(-LOGITS, axis=1)[:, :3].tolist()
    got = [score.logprob for score in scores]
    np.testing.assert_allclose(got, [log_softmax(r)[t] for r, t in zip(LOGITS, targets, strict=True)], rtol=1e-6)
