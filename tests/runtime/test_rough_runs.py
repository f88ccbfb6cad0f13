"""Graphs, batches and processes that an executor must refuse, and memory that it gives back."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from llmagentos import InvalidRequestError, LLMAgentOSError
from llmagentos._core.graph import Graph, RelativeBias
from llmagentos._core.runtime import Executor, ThreadPool, machine

WIDTH, VOCAB = 32, 64


def embedded(vocab: int = VOCAB) -> tuple[Graph, int]:
    graph = Graph()
    return graph, graph.embed("embed", vocab, WIDTH)


def executor_of(graph: Graph, max_tokens: int = 64) -> Executor:
    rng = np.random.default_rng(1)
    tensors = [
        (name, "F32", shape, lambda shape=shape: (rng.standard_normal(shape).astype(np.float32), False))
        for name, shape in graph.weights
    ]
    return Executor(graph, tensors, ThreadPool(2), max_tokens=max_tokens, n_blocks=4, kv_dtype="f32")


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def run(executor: Executor, n_tokens: int, rows: Sequence[int] = (0,)) -> np.ndarray:
    ids = np.arange(n_tokens, dtype=np.int32)
    blocks = np.arange(8, dtype=np.int32)[None, : -(-n_tokens // 32)]
    return executor.run(ids, ids, ints(0, n_tokens), blocks, ints(*rows))


@pytest.mark.parametrize(("n_buckets", "two_ways"), [(1, False), (1, True), (2, True), (3, True)])
def test_too_few_buckets_of_distances_are_refused(n_buckets: int, two_ways: bool) -> None:
    graph, x = embedded()
    bias = RelativeBias("bias", n_buckets=n_buckets, max_distance=16, is_bidirectional=two_ways)
    with pytest.raises(InvalidRequestError, match=f"{n_buckets} buckets are too few"):
        graph.attention(x, x, x, layer=0, n_heads=1, n_kv_heads=1, head_dim=WIDTH, scale=1.0, relative_bias=bias)


@pytest.mark.parametrize(("n_buckets", "two_ways"), [(2, False), (4, True)])
def test_the_fewest_that_go_are_run(n_buckets: int, two_ways: bool) -> None:
    graph, x = embedded()
    bias = RelativeBias("bias", n_buckets=n_buckets, max_distance=16, is_bidirectional=two_ways)
    x = graph.attention(x, x, x, layer=0, n_heads=1, n_kv_heads=1, head_dim=WIDTH, scale=1.0, relative_bias=bias)
    graph.set_output(graph.select_rows(x))
    assert np.isfinite(run(executor_of(graph), 40, range(40))).all()


@pytest.mark.parametrize("isa", machine()["isas"])
@pytest.mark.parametrize("n_tokens", [1, 32, 127, 128, 129, 130])
def test_a_key_that_is_no_number_shows_wherever_it_stands(isa: str, n_tokens: int) -> None:
    graph, x = embedded(vocab=256)
    keys = graph.embed("keys", 256, WIDTH)
    x = graph.attention(x, keys, x, layer=0, n_heads=1, n_kv_heads=1, head_dim=WIDTH, scale=1.0)
    graph.set_output(graph.select_rows(x))
    table = np.random.default_rng(2).standard_normal((256, WIDTH)).astype(np.float32)
    broken = table.copy()
    broken[n_tokens - 1] = np.nan
    for given, is_whole in ((table, True), (broken, False)):
        tensors = [
            ("embed", "F32", (256, WIDTH), lambda: (table, False)),
            ("keys", "F32", (256, WIDTH), lambda given=given: (given, False)),
        ]
        executor = Executor(graph, tensors, ThreadPool(2), max_tokens=256, n_blocks=8, kv_dtype="f32", isa=isa)
        assert np.isfinite(run(executor, n_tokens, [n_tokens - 1])).all() == is_whole


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((VOCAB, WIDTH - 1), np.float32), "tensor embed of shape [64, 32] has 8192 bytes, not the 7936 that"),
        (np.zeros((VOCAB, WIDTH), np.float64), "tensor embed of shape [64, 32] has 8192 bytes, not the 16384 that"),
        (np.zeros((VOCAB, 2 * WIDTH), np.float32)[:, ::2], "tensor embed: the bytes of its array are not contiguous"),
    ],
)
def test_weights_whose_bytes_are_not_those_of_their_shape_are_refused(values: np.ndarray, message: str) -> None:
    graph, x = embedded()
    graph.set_output(graph.select_rows(x))
    tensors = [("embed", "F32", (VOCAB, WIDTH), lambda: (values, False))]
    with pytest.raises(InvalidRequestError, match=re.escape(message)):
        Executor(graph, tensors, ThreadPool(1), max_tokens=1, n_blocks=1)


@pytest.mark.parametrize("width", [2**58, 2**62])
def test_weights_whose_bytes_no_number_holds_are_refused(width: int) -> None:
    graph, x = embedded()
    with pytest.raises(InvalidRequestError, match=re.escape(f"weight w is too large: matrix [{width}, {WIDTH}]")):
        graph.linear(x, "w", width)


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_memory_of_many_rows_of_logits_is_given_back() -> None:
    graph, x = embedded(vocab := 200_000)
    graph.set_output(graph.linear(graph.select_rows(x), "embed", vocab))
    executor = executor_of(graph)
    run(executor, 1)
    before = resident()
    run(executor, 60, range(60))
    assert resident() > before + 40_000_000
    run(executor, 1)
    assert resident() < before + 20_000_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_forked_while_a_model_runs_is_told_so_at_every_use() -> None:
    graph, x = embedded(vocab := 20_000)
    graph.set_output(graph.linear(graph.select_rows(x), "embed", vocab))
    executor, stop = executor_of(graph), threading.Event()

    def keep_running() -> None:
        while not stop.is_set():
            run(executor, 60, range(60))

    thread = threading.Thread(target=keep_running)
    thread.start()
    try:
        for use in (lambda: run(executor, 1), lambda: executor.load_adapter([]), lambda: executor.adapter_bytes):
            for _ in range(5):
                if (child := os.fork()) == 0:
                    code = 1
                    try:
                        use()
                    except LLMAgentOSError as error:
                        code = 0 if "forked" in str(error) else 2
                    finally:
                        os._exit(code)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "use",
    [
        lambda executor: executor.input_squares(),
        lambda executor: executor.observe_inputs(),
        lambda executor: executor.copy_blocks([(0, 1)]),
        lambda executor: executor.adapter_bytes,
    ],
    ids=["input_squares", "observe_inputs", "copy_blocks", "adapter_bytes"],
)
def test_whoever_waits_for_a_run_lets_other_threads_go_on(use: Callable[[Executor], object]) -> None:
    graph, x = embedded(vocab := 20_000)
    graph.set_output(graph.linear(graph.select_rows(x), "embed", vocab))
    executor, stop = executor_of(graph), threading.Event()
    begun, went_on = threading.Lock(), list[bool]()

    def keep_running() -> None:
        while not stop.is_set():
            run(executor, 60, range(60))

    def wait_for_a_turn(others: list[str]) -> None:
        begun.release()
        use(executor)
        went_on.append("here" in others)

    runner, interval = threading.Thread(target=keep_running), sys.getswitchinterval()
    sys.setswitchinterval(600)  # a thread gives up Python's lock only of its own accord
    runner.start()
    try:
        for _ in range(200):  # a call that finds no run gives nobody the time
            begun.acquire()
            waiting = threading.Thread(target=wait_for_a_turn, args=[others := list[str]()])
            waiting.start()
            begun.acquire()
            others.append("here")
            begun.release()
            waiting.join()
            if went_on[-1]:
                break
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        runner.join()
    assert went_on[-1]
