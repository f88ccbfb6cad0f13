from __future__ import annotations

import numpy as np

from llmagentos.engine.engine import Engine, EngineConfig
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.sampling_params import SamplingParams

from .fake_backend import FakeBackend, log_softmax

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
    results = NativeSampler(None).sample(LOGITS, requests, range(4))
    assert [token for token, _ in results[:3]] == [order[0, 0], 7, order[2, 0]]
    assert results[3][0] != 3  # in the prompt: its logit of about 50 is divided by 100
    assert results[0][1] is None
    logprob = results[1][1]
    assert logprob is not None
    assert logprob.token_id == 7
    assert [id for id, _ in logprob.top] == order[1, :3].tolist()
    np.testing.assert_allclose(logprob.logprob, log_softmax(LOGITS[1])[7], rtol=1e-6)


def test_a_draw_is_keyed_by_seed_and_token_index() -> None:
    sampler = NativeSampler(None)
    first, again, other_seed = (request(temperature=1, seed=seed) for seed in (5, 5, 6))
    draws = []
    for one in (first, again, other_seed):
        for _ in range(6):
            token, _ = sampler.sample(LOGITS, [one], [0])[0]
            one.append(token, None)
        draws.append(one.token_ids[2:])
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert len(set(draws[0])) > 1


def test_completions_of_a_prompt_draw_from_one_row() -> None:
    requests = [request(temperature=1, seed=seed, logprobs=1) for seed in range(5)]
    copies = [request(temperature=1, seed=seed, logprobs=1) for seed in range(5)]
    rows = [3, 3, 0, 3, 1]
    assert NativeSampler(None).sample(LOGITS, requests, rows) == NativeSampler(None).sample(
        LOGITS[rows], copies, range(5)
    )


def first_token(one: Request) -> int:
    return NativeSampler(None, Letters()).sample(LOGITS, [one], [0])[0][0]


class Letters:
    """A vocabulary of single characters."""

    n_vocab = len(LOGITS[0])

    def token_bytes(self, id: int) -> bytes:
        return chr(ord("A") + id).encode()


class TestHistory:
    def check(self, one: Request, sampler: NativeSampler) -> None:
        """The row that was kept gives what a new one does."""
        kept = sampler.sample(LOGITS, [one], [0])
        state, one.sampler_state = one.sampler_state, None
        assert sampler.sample(LOGITS, [one], [0]) == kept
        one.sampler_state = state

    def test_it_grows_with_the_request_and_shrinks_with_it(self) -> None:
        best = int(LOGITS[0].argmax())
        sampler = NativeSampler(None)
        one = request(temperature=0, frequency_penalty=0.7, presence_penalty=0.1)
        for more in ([best], [best], [5], [7, 7, 8], [best, best, best]):
            one.token_ids += more
            self.check(one, sampler)
        assert sampler.sample(LOGITS, [one], [0])[0][0] != best
        del one.token_ids[-6:]
        self.check(one, sampler)
        one.token_ids[-1] = 9
        self.check(one, sampler)
        del one.token_ids[2:]
        self.check(one, sampler)
        assert sampler.sample(LOGITS, [one], [0])[0][0] == best

    def test_a_request_without_penalties_needs_none(self) -> None:
        assert first_token(request(temperature=0)) == LOGITS[0].argmax()

    def test_repetitions_end_at_the_breakers(self) -> None:
        best = int(LOGITS[0].argmax())
        for breakers, repeats in (((), False), ((chr(ord("A") + 11),), True), (("no token's text",), False)):
            one = request(temperature=0, dry_multiplier=100.0, dry_sequence_breakers=breakers)
            one.token_ids = [10, 11, best, 10, 11]
            one.n_prompt = 5
            assert (first_token(one) == best) == repeats


def test_histories_survive_preemption_and_company() -> None:
    settings: list[dict[str, object]] = [
        {"repetition_penalty": 1.5},
        {"frequency_penalty": 1.0, "temperature": 0.7},
        {"dry_multiplier": 3.0, "dry_allowed_length": 1},
        {"min_tokens": 9, "presence_penalty": 0.5},
    ]

    def run(n_blocks: int, chosen: list[int]) -> tuple[list[list[int]], int]:
        backend = FakeBackend(n_blocks=n_blocks, block_size=4, vocab_size=12)
        config = EngineConfig(24, 64, max_running=8, max_queued=8)
        requests = [
            Request([i, 3, 4, 3], SamplingParams(seed=i, **settings[i]), 24, end_ids=frozenset({5}))  # type: ignore[arg-type]
            for i in chosen
        ]
        Engine(backend, NativeSampler(None), config).run(requests)
        assert all(request.n_output > request.params.min_tokens for request in requests)
        return [request.token_ids for request in requests], sum(backend.n_tokens_per_run)

    alone = [run(6, [i])[0][0] for i in range(4)]
    together, n_computed = run(24, [0, 1, 2, 3])
    assert together == alone
    crowded, n_recomputed = run(7, [0, 1, 2, 3])
    assert crowded == alone
    assert n_recomputed > n_computed


def test_end_tokens_wait_for_the_least_number() -> None:
    best = int(LOGITS[0].argmax())
    for n_output, ends in ((0, False), (1, False), (2, True)):
        one = Request([3], SamplingParams(temperature=0, min_tokens=2), 10, end_ids=frozenset({best, 49}))
        one.token_ids += [4] * n_output
        assert (first_token(one) == best) == ends


def test_scores_are_the_log_softmax_of_the_given_tokens() -> None:
    targets = [0, 49, 7, 7]
    scores = NativeSampler(None).score(LOGITS, targets, 3)
    assert [score.token_id for score in scores] == targets
    assert [[token for token, _ in s.top] for s in scores] == np.argsort(-LOGITS, axis=1)[:, :3].tolist()
    got = [score.logprob for score in scores]
    np.testing.assert_allclose(got, [log_softmax(r)[t] for r, t in zip(LOGITS, targets, strict=True)], rtol=1e-6)
