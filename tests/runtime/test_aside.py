"""A batch computed piece by piece beside others gives the bits of one run, wherever it is interrupted."""

from __future__ import annotations

import numpy as np
import pytest

from llmagentos import InvalidRequestError
from llmagentos._core.graph import Graph
from llmagentos._core.runtime import Executor, ThreadPool

WIDTH, VOCAB, HIDDEN, BLOCKS = 256, 512, 512, 40


def graph_of(*, experts: bool) -> Graph:
    """Two layers of attention and of a gated or an expert MLP."""
    graph = Graph()
    x = graph.embed("embed", VOCAB, WIDTH)
    for layer in range(2):
        y = graph.rms_norm(x, f"{layer}.norm", 1e-5)
        q, k, v = (graph.linear(y, f"{layer}.{name}", width) for name, width in (("q", WIDTH), ("k", 64), ("v", 64)))
        y = graph.attention(q, k, v, layer=layer, n_heads=8, n_kv_heads=2, head_dim=32, scale=0.2)
        x = graph.add(x, graph.linear(y, f"{layer}.o", WIDTH))
        y = graph.rms_norm(x, f"{layer}.mlp_norm", 1e-5)
        if experts:
            names = {name: f"{layer}.{name}" for name in ("gate", "up", "down")}
            logits = graph.linear(y, f"{layer}.router", 4)
            y = graph.moe(y, logits, **names, n_experts=4, n_used=2, hidden=HIDDEN, activation="silu")
        else:
            gate, up = graph.linear(y, f"{layer}.gate", HIDDEN), graph.linear(y, f"{layer}.up", HIDDEN)
            y = graph.linear(graph.glu(gate, up, "silu"), f"{layer}.down", WIDTH)
        x = graph.add(x, y)
    graph.set_output(graph.linear(graph.select_rows(x), "embed", VOCAB))
    return graph


def executor_of(graph: Graph, n_threads: int = 2, quantize: str = "") -> Executor:
    rng = np.random.default_rng(1)
    values = {name: (rng.standard_normal(shape) * 0.1).astype(np.float32) for name, shape in graph.weights}
    tensors = [(name, "F32", shape, lambda name=name: (values[name], False)) for name, shape in graph.weights]
    formats = {name: quantize for name, shape in graph.weights if len(shape) > 1 and quantize}
    pool = ThreadPool(n_threads)
    return Executor(graph, tensors, pool, max_tokens=512, n_blocks=BLOCKS, quantize_to=formats)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def prompt(n_tokens: int, at: int = 0, first_block: int = 8) -> tuple[np.ndarray, ...]:
    """Tokens of one text from position `at`, the last row's logits wanted, in blocks of its own."""
    ids = (np.arange(at, at + n_tokens, dtype=np.int32) * 37) % VOCAB
    positions = np.arange(at, at + n_tokens, dtype=np.int32)
    blocks = np.arange(first_block, BLOCKS, dtype=np.int32)[None]
    return ids, positions, ints(0, n_tokens), blocks, ints(n_tokens - 1)


def streams(position: int) -> tuple[np.ndarray, ...]:
    """One token each of two texts."""
    return ints(5, 9), ints(position, position), ints(0, 1, 2), np.arange(8, dtype=np.int32).reshape(2, 4), ints(0, 1)


@pytest.mark.parametrize(
    ("experts", "quantize", "n_threads"),
    [(False, "", 1), (False, "", 3), (False, "Q8_0", 2), (True, "", 2), (True, "Q8_0", 1), (True, "Q8_0", 3)],
)
def test_the_bits_are_those_of_one_run(experts: bool, quantize: str, n_threads: int) -> None:
    graph = graph_of(experts=experts)
    whole, pieces = executor_of(graph, 2, quantize), executor_of(graph, n_threads, quantize)
    for at, n_tokens in ((0, 300), (300, 40), (340, 1), (341, 2), (343, 200)):
        expected = whole.run(*prompt(n_tokens, at)).copy()
        for seconds in (0.0, 5e-5, 1e-3):
            pieces.begin_aside(*prompt(n_tokens, at))
            n_runs = 0
            while pieces.aside_output is None:
                beside = pieces.run(*streams(n_runs % 100), aside=(0.0, seconds)).copy()
                assert np.array_equal(beside, whole.run(*streams(n_runs % 100)))
                n_runs += 1
            assert np.array_equal(pieces.aside_output, expected)
            assert n_runs > 20 or seconds > 0 or n_tokens < 40


def test_what_is_left_can_be_finished_at_once() -> None:
    whole, pieces = (executor_of(graph_of(experts=False)) for _ in range(2))
    expected = whole.run(*prompt(300)).copy()
    pieces.begin_aside(*prompt(300))
    pieces.run(*streams(0), aside=(0.0, 1e-4))
    pieces.finish_aside()
    assert np.array_equal(pieces.aside_output, expected)
    pieces.finish_aside()
    pieces.run(*streams(1), aside=(0.0, 1e-4))
    assert np.array_equal(pieces.aside_output, expected)


def test_the_arrays_of_a_batch_aside_may_go() -> None:
    whole, pieces = (executor_of(graph_of(experts=False)) for _ in range(2))
    expected, arrays = whole.run(*prompt(300)).copy(), prompt(300)
    pieces.begin_aside(*arrays)
    for array in arrays:
        array[...] = 0
    pieces.finish_aside()
    assert np.array_equal(pieces.aside_output, expected)


def test_a_new_batch_takes_the_place_of_the_one_before() -> None:
    whole, pieces = (executor_of(graph_of(experts=False)) for _ in range(2))
    pieces.begin_aside(*prompt(300))
    pieces.run(*streams(0), aside=(0.0, 1e-4))
    pieces.begin_aside(*prompt(500))
    assert pieces.aside_output is None
    pieces.finish_aside()
    assert np.array_equal(pieces.aside_output, whole.run(*prompt(500)))


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    executor = executor_of(graph_of(experts=False))
    for use in (executor.finish_aside, lambda: executor.run(*streams(0), aside=(0.0, 0.0))):
        with pytest.raises(InvalidRequestError, match="no batch was set aside"):
            use()
    executor.begin_aside(*prompt(40))
    for seconds in ((-1.0, 0.0), (0.0, float("nan")), (float("inf"), 0.0)):
        with pytest.raises(InvalidRequestError, match="seconds"):
            executor.run(*streams(0), aside=seconds)
    with pytest.raises(InvalidRequestError, match="token id"):
        executor.begin_aside(ints(VOCAB), ints(0), ints(0, 1), ints(8)[None], ints(0))
    executor.finish_aside()
    assert executor.aside_output is not None


def test_what_inputs_are_observed_of_cannot_be_set_aside() -> None:
    executor = executor_of(graph_of(experts=False))
    executor.observe_inputs()
    with pytest.raises(InvalidRequestError, match="observed"):
        executor.begin_aside(*prompt(40))
