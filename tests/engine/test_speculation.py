"""Whatever is proposed, the output is that of no proposals; what differs is how many steps it takes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.backends.protocol import RaggedBatch
from llmagentos.completion import TokenLogprob
from llmagentos.engine.constraints import Constraint
from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.engine.schedule import Limits, Scheduled
from llmagentos.engine.speculation import MAX_STREAMS, Speculator
from llmagentos.engine.step_times import StepTimes
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, request_for, search_for
from .fake_backend import FakeBackend
from .fake_tokenizer import FakeTokenizer
from .guesses import Guesses, anything, knowing, speculating

VOCAB = 12  # few, so that guesses come true and penalties meet the same tokens again


kinds = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0.0, 0.8])},
    optional={
        "repetition_penalty": st.just(1.3),
        "frequency_penalty": st.just(0.8),
        "dry_multiplier": st.just(1.0),
        "no_repeat_ngram_size": st.just(3),
        "min_tokens": st.integers(1, 6),
        "logprobs": st.integers(0, 2),
        "stop": st.just(("\x03\x04", "\x07")),
        "n": st.just(2),
    },
)
workloads = st.lists(
    st.tuples(st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=14), st.integers(6, 20), kinds),
    min_size=1,
    max_size=5,
)


def requests_of(workload: list[tuple[list[int], int, dict[str, Any]]]) -> list[Request]:
    requests = []
    for prompt, n_new, kind in workload:
        params = SamplingParams(**kind, seed=3, stop_token_ids=(5,))
        group = [
            Request(
                prompt,
                params,
                len(prompt) + n_new,
                Detokenizer(FakeTokenizer(), params.stop or ()),
                frozenset((5,)),
                choice=choice,
            )
            for choice in range(params.n)
        ]
        group[0].followers = group[1:]
        requests += group
    return requests


def results(requests: list[Request]) -> list[tuple[list[int], str | None, str, list[TokenLogprob | None]]]:
    return [
        (r.token_ids, r.finish_reason, "".join(delta.text for delta in r.deltas), [d.logprob for d in r.deltas])
        for r in requests
    ]


@settings(deadline=None, max_examples=80)
@given(workloads, st.integers(9, 30), st.integers(1, 40), st.integers(2, 12), st.integers(-2, 8), st.booleans())
def test_any_proposals_give_what_none_do(
    workload: list[tuple[list[int], int, dict[str, Any]]],
    n_blocks: int,
    budget: int,
    n_rows: int,
    n_right: int,
    caches: bool,
) -> None:
    plain = requests_of(workload)
    engine_on(FakeBackend(VOCAB), sampler=NativeSampler(None)).run(plain)
    expected = results(plain)
    guess = anything(-n_right, VOCAB) if n_right < 0 else knowing([r.token_ids for r in plain], n_right)

    # Blocks of 4 tokens, of which the smallest pool holds just one of the largest requests.
    backend = FakeBackend(VOCAB, n_blocks=n_blocks, block_size=4)
    options: dict[str, Any] = {"max_batched_tokens": budget, "prefix_cache": caches}
    engine = speculating(backend, guess, context_length=36, sampler=NativeSampler(None), **options)
    engine._scheduler.limits = Limits(budget, n_rows, 64)
    for _ in range(2):  # the second time from what the first has published
        requests = requests_of(workload)
        engine.run(requests)
        assert results(requests) == expected
    assert max(backend.n_tokens_per_run) <= budget
    assert max(backend.n_rows_per_run) <= n_rows
    assert_idle(engine)


def test_right_drafts_are_tokens_of_the_same_step() -> None:
    text = alone([1, 2], 9)
    backend = FakeBackend()
    engine = speculating(backend, lambda known, n: text[len(known) :][:n])
    request = request_for([1, 2], 9)
    engine.run([request])
    assert request.token_ids == text
    assert backend.n_tokens_per_run == [2, 8]  # the prompt, then its first token with the rest but the last as drafts
    stats = engine.stats()
    assert (stats.drafted_tokens, stats.accepted_tokens, stats.acceptance_rate) == (7, 7, 1.0)
    assert stats.generated_tokens == 9
    assert stats.computed_tokens == 10


def test_wrong_drafts_cost_no_tokens() -> None:
    text = alone([1, 2], 6)
    backend = FakeBackend()
    engine = speculating(backend, lambda known, n: [(text[len(known)] + 1) % 260] * n)
    request = request_for([1, 2], 6)
    engine.run([request])
    assert request.token_ids == text
    assert len(backend.n_tokens_per_run) == 6
    stats = engine.stats()
    assert (stats.drafted_tokens, stats.accepted_tokens) == (4 + 3 + 2 + 1, 0)


def test_nothing_is_kept_after_an_end_token() -> None:
    text = alone([1, 2], 12)
    end = text[6]
    engine = speculating(FakeBackend(), lambda known, n: text[len(known) :][:n])
    request = request_for([1, 2], 12, end_ids=frozenset([end]))
    engine.run([request])
    assert request.token_ids == text[: text.index(end, 2) + 1]
    assert len(request.deltas) == request.n_output
    assert engine.stats().generated_tokens == request.n_output
    assert_idle(engine)


def test_what_was_accepted_is_found_in_the_cache_and_what_was_not_is_not() -> None:
    text = alone([1, 2], 30)
    backend = FakeBackend(n_blocks=20, block_size=4)
    for n_right in (30, 3, 0):
        engine = speculating(backend, knowing([text], n_right))
        engine.run([request_for([1, 2], 30)])
        backend.n_tokens_per_run.clear()
        request = request_for(text, 8)
        engine.run([request])
        assert request.n_cached == 28
        assert request.token_ids == alone(text, 8)


def test_drafts_take_no_block_from_anybody() -> None:
    # 6 blocks of 4 tokens; two requests of 12 tokens each fill them. Drafts that reached beyond what is free would
    # pre-empt the younger.
    backend = FakeBackend(n_blocks=6, block_size=4)
    engine = speculating(backend, lambda known, n: [0] * n)
    requests = [request_for([n, n], 11) for n in (1, 2)]
    engine.run(requests)
    assert [r.token_ids for r in requests] == [alone([n, n], 11) for n in (1, 2)]
    assert engine.stats().n_preemptions == 0
    assert_idle(engine)


def test_blocks_of_wrong_drafts_are_free_again_after_the_step() -> None:
    engine = speculating(FakeBackend(n_blocks=20, block_size=4), lambda known, n: [0] * n)
    stream = engine.stream(request_for([1, 2], 40))
    for _ in range(5):
        next(stream)
    assert engine.stats().drafted_tokens > 0
    assert engine.stats().n_blocks_used == 2
    stream.close()


def test_prompts_and_crowds_are_computed_without_drafts() -> None:
    backend = FakeBackend()
    engine = speculating(backend, lambda known, n: [0] * n)
    engine.run([request_for([n], 5) for n in range(MAX_STREAMS + 1)])
    assert backend.n_tokens_per_run == [MAX_STREAMS + 1] * 5
    assert engine.stats().drafted_tokens == 0


def test_beams_are_computed_without_drafts() -> None:
    engine = speculating(FakeBackend(), lambda known, n: [0] * n)
    requests = search_for([1, 2, 3], 8)
    engine.run(requests)
    expected = search_for([1, 2, 3], 8)
    engine_on(FakeBackend()).run(expected)
    assert [r.token_ids for r in requests] == [r.token_ids for r in expected]
    assert engine.stats().drafted_tokens == 0


def test_a_stream_has_all_tokens_of_a_step() -> None:
    text = alone([1], 20)
    engine = speculating(FakeBackend(), knowing([text], 4))
    assert [1, *(delta.token_id for delta in engine.stream(request_for([1], 20)))] == text


def test_the_lock_is_free_while_drafts_are_made() -> None:
    free = []

    def guess(known: list[int], n: int) -> list[int]:
        thread = threading.Thread(target=lambda: free.append(engine.stats().n_running))
        thread.start()
        thread.join(60)
        return []

    engine = speculating(FakeBackend(), guess)
    engine.run([request_for([1], 4)])
    assert free == [1, 1]


def test_a_proposer_that_fails_costs_nothing_but_its_drafts() -> None:
    def guess(known: list[int], n: int) -> list[int]:
        raise MemoryError("no memory for drafts")

    engine, request, alone = speculating(FakeBackend(), guess), request_for([1], 4), request_for([1], 4)
    engine.run([request])
    engine_on(FakeBackend()).run([alone])
    assert request.token_ids == alone.token_ids
    assert_idle(engine)


def test_closing_closes_the_proposer() -> None:
    proposer = Guesses(lambda known, n: [])
    engine = engine_on(FakeBackend(), proposer=proposer)
    engine.close()
    assert proposer.closed


def chunks_of(n: int) -> list[Scheduled]:
    requests = [request_for([1, 2], 40) for _ in range(n)]
    for request in requests:
        request.append(3, None)
        request.n_computed = 2
    return [Scheduled(request, 1) for request in requests]


def n_drafts(n_streams: int, chance: float, times: StepTimes, room: int = 100, seconds_per_draft: float = 0.0) -> int:
    proposer = Guesses(lambda known, n: [0] * n, chance, seconds_per_draft)
    drafts = Speculator(proposer, times).drafts(chunks_of(n_streams), Limits(n_streams + room, 100, 100))
    return sum(len(tokens) for tokens in drafts.values())


class Priced(StepTimes):
    """Each draft costs a share of a step without, which takes a second."""

    def __init__(self, price: float) -> None:
        super().__init__()
        self.price = price

    def alone(self, n_streams: int) -> float:
        return 1.0

    def ratio(self, n_streams: int, n_drafts: int) -> float:
        return 1.0 + self.price * n_drafts


class TestHowMany:
    def test_none_where_they_cost_more_than_they_bring(self) -> None:
        assert n_drafts(1, 0.3, Priced(0.5)) == 0
        assert n_drafts(1, 0.7, Priced(0.5)) > 0
        assert n_drafts(1, 0.7, Priced(0.1), seconds_per_draft=0.9) == 0

    def test_the_likelier_the_more(self) -> None:
        numbers = [n_drafts(1, chance, Priced(0.1)) for chance in (0.05, 0.5, 0.8, 0.95)]
        assert numbers == sorted(set(numbers))

    def test_a_step_has_the_room_it_has(self) -> None:
        assert n_drafts(1, 1.0, Priced(0.0), room=3) == 3
        assert n_drafts(4, 1.0, Priced(0.0), room=0) == 0

    def test_only_tokens_that_are_sampled_have_drafts(self) -> None:
        chunks = chunks_of(2)
        plain, constrained = (chunk.request for chunk in chunks)
        constrained.constraint = cast(Constraint, object())
        drafts = Speculator(Guesses(lambda known, n: [0] * n), Priced(0.0)).drafts(chunks, Limits(100, 100, 100))
        assert list(drafts) == [plain]

    def test_of_several_streams_the_likeliest_drafts_are_taken(self) -> None:
        class Uneven(Guesses):
            def chances(self, request: Request, most: int) -> Sequence[float]:
                return [0.9 if request is sure else 0.2] * most

        chunks = chunks_of(2)
        sure = chunks[1].request
        drafts = Speculator(Uneven(lambda known, n: [0] * n), Priced(0.2)).drafts(chunks, Limits(100, 100, 100))
        assert list(drafts) == [sure]


def step_rows(backend: FakeBackend) -> list[RaggedBatch]:
    seen: list[RaggedBatch] = []
    backend.before_run = seen.append
    return seen


def test_drafts_follow_the_last_known_token_in_one_chunk() -> None:
    backend = FakeBackend()
    batches = step_rows(backend)
    speculating(backend, lambda known, n: [7, 8, 9][:n]).run([request_for([1, 2], 6)])
    batch, text = batches[1], alone([1, 2], 6)
    assert batch.token_ids.tolist() == [text[2], 7, 8, 9]
    assert batch.positions.tolist() == [2, 3, 4, 5]
    assert batch.logit_rows.tolist() == [0, 1, 2, 3]
