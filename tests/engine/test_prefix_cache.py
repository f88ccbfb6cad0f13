"""Prompts that begin alike: what one has computed the others use, and nobody's answer changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.engine.blocks import BlockKey, root_of
from llmagentos.engine.request import Request, Service
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend

PREFIX = list(range(20))


def test_a_later_prompt_computes_only_what_is_new() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    engine.run([request_for([*PREFIX, 50], 1)])
    backend.n_tokens_per_run.clear()
    later = request_for([*PREFIX, 60, 61], 1)
    engine.run([later])
    assert (backend.n_tokens_per_run, later.n_cached) == ([2], 20)
    assert later.token_ids == alone([*PREFIX, 60, 61], 1)


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    for _ in range(2):
        request = request_for(PREFIX, 3)
        engine.run([request])
        assert request.token_ids == alone(PREFIX, 3)
    assert request.n_cached == 16


def test_a_salt_that_is_the_digest_of_anothers_block_opens_nothing() -> None:
    engine = engine_on(FakeBackend(block_size=4))
    engine.run([request_for([*PREFIX, 50], 1)])
    digest = BlockKey.of(request_for(PREFIX, 1).root, PREFIX[:4]).digest
    for salt in (digest, BlockKey.of(b"", PREFIX[:4]).digest):
        for prompt in ([*PREFIX[4:], 50], [*PREFIX, 50]):
            params = SamplingParams(temperature=0.0)
            request = Request(prompt, params, len(prompt) + 1, service=Service(salt=salt))
            engine.run([request])
            assert request.n_cached == 0


def test_roots_differ_wherever_anything_does() -> None:
    parts = [
        (salt, adapter, input_ids)
        for salt in (b"", b"1", b"0 None ", b"None")
        for adapter in (None, 0, 1, 10)
        for input_ids in (None, [1], [1, 0])
    ]
    assert len({root_of(*one) for one in parts}) == len(parts)


def test_a_conversation_goes_on_from_its_answers() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    first = request_for(PREFIX, 13)
    engine.run([first])
    turn = request_for([*first.token_ids, 7, 7], 2)
    engine.run([turn])
    assert turn.n_cached == 32  # of 33 tokens the last was never computed
    assert turn.token_ids == alone([*first.token_ids, 7, 7], 2)


def test_prompts_at_once_compute_what_they_share_once() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    requests = [request_for([*PREFIX, 50 + n], 2) for n in range(6)]
    engine.run(requests)
    assert sum(backend.n_tokens_per_run) == 20 + 6 + 6
    assert [request.n_cached for request in requests] == [0, *[20] * 5]
    assert [request.token_ids for request in requests] == [alone([*PREFIX, 50 + n], 2) for n in range(6)]


def test_who_waits_for_a_cancelled_prompt_computes_it_itself() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend, max_batched_tokens=4)
    author, waiting = request_for([*PREFIX, 1], 2), request_for([*PREFIX, 2], 2)
    backend.before_run = lambda batch: engine.cancel([author])
    engine.run([author, waiting])
    assert author.finish_reason == "cancelled"
    assert waiting.token_ids == alone([*PREFIX, 2], 2)
    assert_idle(engine)


def test_another_salt_is_no_hit() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    engine.run([request_for(PREFIX, 1)])
    other = Request(PREFIX, SamplingParams(temperature=0), 21, service=Service(salt=b"tenant"))
    engine.run([other])
    assert other.n_cached == 0


def test_without_the_cache_every_prompt_is_computed() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend, prefix_cache=False)
    engine.run([request_for(PREFIX, 1), request_for(PREFIX, 1)])
    assert sum(backend.n_tokens_per_run) == 40


def test_scores_need_logits_of_every_token_and_leave_the_cache_to_others() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    for _ in range(2):
        scored = Request(PREFIX, SamplingParams(temperature=0), 20, prompt_logprobs=0)
        engine.run([scored])
        assert (len(scored.prompt_scores), scored.n_cached) == (19, 0)
    later = request_for([*PREFIX, 9], 1)
    engine.run([later])
    assert later.n_cached == 16


def test_completions_of_one_prompt_compute_it_once_and_part_where_they_write() -> None:
    backend = FakeBackend(block_size=4)
    engine = engine_on(backend)
    requests = [request_for([1, 2, 3, 4, 5, 6], 7, choice=n, temperature=1.0) for n in range(3)]
    requests[0].followers = requests[1:]
    engine.run(requests)
    assert backend.n_tokens_per_run[0] == 6
    assert [r.token_ids for r in requests] == [alone([1, 2, 3, 4, 5, 6], 7, n, temperature=1.0) for n in range(3)]
    assert_idle(engine)


prompts = st.builds(
    lambda prefix, n, own: (PREFIX * 2)[prefix : prefix + n] + own,
    st.sampled_from([0, 0, 0, 4]),
    st.integers(0, 14),
    st.lists(st.integers(0, 2), min_size=1, max_size=4),
)
workloads = st.lists(
    st.tuples(prompts, st.integers(1, 8), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=7
)


@settings(deadline=None, max_examples=80)
@given(workloads, st.integers(8, 30), st.integers(1, 30), st.booleans())
def test_output_depends_on_neither_cache_nor_company_nor_pressure(
    workload: list[tuple[list[int], int, int, int]], n_blocks: int, budget: int, together: bool
) -> None:
    backend = FakeBackend(n_blocks=n_blocks, block_size=4)
    engine = engine_on(backend, context_length=30, max_batched_tokens=budget)
    groups = []
    for prompt, n_new, n, priority in workload:
        group = [request_for(prompt, n_new, choice=choice, temperature=1.0) for choice in range(n)]
        for request in group:
            request.service = Service(priority)
        group[0].followers = group[1:]
        groups.append(group)
    for batch in [[r for group in groups for r in group]] if together else groups:
        engine.run(batch)
    for group, (prompt, n_new, n, _) in zip(groups, workload, strict=True):
        assert [r.token_ids for r in group] == [alone(prompt, n_new, c, temperature=1.0) for c in range(n)]
    assert_idle(engine)
