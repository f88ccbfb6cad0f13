from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.backends.protocol import RaggedBatch
from llmagentos.engine.request import Request
from llmagentos.engine.schedule import Limits
from llmagentos.errors import ContextLengthError, InvalidRequestError, LLMAgentOSError, OutOfMemoryError
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend, log_softmax

workloads = st.lists(
    st.tuples(st.lists(st.integers(0, 259), min_size=1, max_size=14), st.integers(1, 10), st.sampled_from([0.0, 1.0])),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(workloads, st.integers(6, 30), st.integers(1, 40), st.integers(1, 8))
def test_output_depends_on_neither_batch_nor_chunks_nor_preemption(
    workload: list[tuple[list[int], int, float]], n_blocks: int, budget: int, n_rows: int
) -> None:
    # Blocks of 4 tokens, of which the smallest pool holds just one of the largest requests.
    backend = FakeBackend(n_blocks=n_blocks, block_size=4)
    engine = engine_on(backend, context_length=24, max_batched_tokens=budget)
    engine._scheduler.limits = Limits(budget, n_rows, 64)
    requests = [request_for(prompt, n_new, temperature=t) for prompt, n_new, t in workload]
    engine.run(requests)
    for request, (prompt, n_new, t) in zip(requests, workload, strict=True):
        assert request.token_ids == alone(prompt, n_new, temperature=t)
        assert request.finish_reason == "length"
    assert max(backend.n_tokens_per_run) <= budget
    assert max(backend.n_rows_per_run) <= n_rows
    assert_idle(engine)


def test_pressure_preempts_and_everything_still_completes() -> None:
    backend = FakeBackend(n_blocks=4, block_size=4)
    engine = engine_on(backend)
    requests = [request_for([n, n], 12) for n in range(3)]
    engine.run(requests)
    assert [r.token_ids for r in requests] == [alone([n, n], 12) for n in range(3)]
    # Three requests of 13 computed tokens each; more than 39 means that some were computed twice.
    assert sum(backend.n_tokens_per_run) > 39
    assert_idle(engine)


def test_one_batch_shares_each_step() -> None:
    backend = FakeBackend()
    engine_on(backend).run([request_for([n], 5) for n in range(8)])
    assert backend.n_tokens_per_run == [8] * 5


def test_an_end_token_ends_and_is_kept() -> None:
    free = alone([1, 2], 8)
    end = free[5]
    request = request_for([1, 2], 8, end_ids=frozenset([end]))
    engine_on(FakeBackend()).run([request])
    assert request.token_ids == free[: free.index(end, 2) + 1]
    assert request.finish_reason == "stop"


def test_a_full_pool_of_one_request_is_usable_to_the_last_slot() -> None:
    engine = engine_on(FakeBackend(n_blocks=2, block_size=4))
    request = request_for([1] * 7, 1)
    engine.run([request])
    assert request.n_output == 1
    assert_idle(engine)


@pytest.mark.parametrize("budget", [1, 3, 512])
def test_scores_are_the_log_probabilities_of_the_given_tokens(budget: int) -> None:
    text = [5, 9, 250, 3, 3, 0, 77]
    backend = FakeBackend()
    request = Request(text, SamplingParams(temperature=0), len(text), prompt_logprobs=2)
    other = request_for([8, 8], 6)
    engine_on(backend, max_batched_tokens=budget).run([request, other])
    assert len(request.prompt_scores) == len(text) - 1
    for i in range(len(text) - 1):
        row = FakeBackend().run(batch_of(text[: i + 1]))[0]
        score = request.prompt_scores[i]
        assert (score.token_id, score.logprob) == (text[i + 1], log_softmax(row)[text[i + 1]])
        assert [token for token, _ in score.top] == np.argsort(-row)[:2].tolist()
    assert other.token_ids == alone([8, 8], 6)


def batch_of(tokens: list[int]) -> RaggedBatch:
    n = len(tokens)
    return RaggedBatch(
        *(np.array(values, np.int32) for values in (tokens, range(n), [0, n])),
        np.array([[0]], np.int32),
        np.array([n - 1], np.int32),
    )


def test_closing_a_stream_gives_its_blocks_back() -> None:
    engine = engine_on(FakeBackend())
    stream = engine.stream(request_for([1], 100))
    next(stream)
    stream.close()
    engine.run([request_for([2], 2)])
    assert_idle(engine)


def test_a_stream_that_is_never_read_costs_nothing() -> None:
    engine = engine_on(FakeBackend())
    engine.stream(request_for([1], 100))
    assert_idle(engine)


def test_a_stream_advances_while_another_caller_drives() -> None:
    engine = engine_on(FakeBackend())
    slow = request_for([1], 6)
    stream = engine.stream(slow)
    first = next(stream)
    engine.run([request_for([2], 50)])
    assert slow.finished
    assert [first.token_id, *(delta.token_id for delta in stream)] == alone([1], 6)[1:]


def test_many_threads_share_one_engine() -> None:
    engine = engine_on(FakeBackend(n_blocks=12, block_size=4), context_length=24)
    results: dict[int, list[int]] = {}

    def call(n: int) -> None:
        if n % 2:
            request = request_for([n], 9)
            engine.run([request])
            results[n] = request.token_ids
        else:
            results[n] = [n, *(delta.token_id for delta in engine.stream(request_for([n], 9)))]

    threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {n: alone([n], 9) for n in range(8)}
    assert_idle(engine)


def interrupt_at(run: int) -> Callable[[RaggedBatch], None]:
    """Sends SIGINT during the given run."""
    count = 0

    def before_run(batch: RaggedBatch) -> None:
        nonlocal count
        count += 1
        if count == run:
            signal.raise_signal(signal.SIGINT)

    return before_run


@pytest.mark.parametrize("run", [1, 2, 5])
def test_ctrl_c_cancels_the_callers_requests_and_no_others(run: int) -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    other = request_for([7], 20)
    stream = engine.stream(other)
    first = next(stream)
    backend.before_run = interrupt_at(run)
    mine = [request_for([n], 50) for n in range(3)]
    with pytest.raises(KeyboardInterrupt):
        engine.run(mine)
    assert [first.token_id, *(delta.token_id for delta in stream)] == alone([7], 20)[1:]
    assert [request.finish_reason for request in mine] == ["cancelled"] * 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_idle(engine)


def test_a_failing_backend_fails_the_requests_and_leaves_the_engine_usable() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)

    def fail(batch: RaggedBatch) -> None:
        raise MemoryError("no memory for the step")

    backend.before_run = fail
    with pytest.raises(MemoryError, match="no memory for the step"):
        engine.run([request_for([1]), request_for([2])])
    backend.before_run = lambda batch: None
    assert_idle(engine)
    request = request_for([1, 2, 3], 8)
    engine.run([request])
    assert request.token_ids == alone([1, 2, 3], 8)


def test_a_closed_engine_says_so_and_has_closed_its_backend() -> None:
    backend = FakeBackend()
    engine = engine_on(backend)
    stream = engine.stream(request_for([1], 50))
    next(stream)
    engine.close()
    engine.close()
    assert backend.closed
    with pytest.raises(LLMAgentOSError, match="closed before the request finished"):
        next(stream)
    with pytest.raises(LLMAgentOSError, match="this model is closed"):
        engine.run([request_for([1])])


def test_what_does_not_fit_says_by_how_much() -> None:
    engine = engine_on(FakeBackend(), context_length=100)
    engine.check_fits(99)
    with pytest.raises(ContextLengthError, match="has 100 tokens, 1 more than the context of 100") as caught:
        engine.check_fits(100)
    assert (caught.value.prompt_tokens, caught.value.context_length) == (100, 100)
    with pytest.raises(InvalidRequestError, match="prompt is empty"):
        engine.check_fits(0)
    with pytest.raises(OutOfMemoryError, match="holds 2048 tokens, 952 fewer than one context of 3000"):
        engine_on(FakeBackend(), context_length=3000)


def test_an_end_token_right_after_a_scored_prompt_is_a_stop() -> None:
    (token,) = alone([1, 2, 3], 1)[3:]
    params = SamplingParams(temperature=0.0, prompt_logprobs=0)
    request = Request([1, 2, 3], params, 4, end_ids=frozenset({token}), prompt_logprobs=0)
    engine_on(FakeBackend()).run([request])
    assert (request.token_ids[3:], request.finish_reason) == ([token], "stop")
