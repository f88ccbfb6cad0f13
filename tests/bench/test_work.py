"""Shares of limits, against numbers worked out by hand from the tiny models' shapes."""

from __future__ import annotations

import pytest

from llmagentos._core.graph import Graph
from llmagentos.backends.cpu import CpuBackend
from llmagentos.bench.limits import Limits
from llmagentos.bench.metrics import Metric
from llmagentos.bench.work import ModelCost, cost_of, most_tokens_per_second
from llmagentos.models import build_graph, open_checkpoint
from tests.models.tiny_models import TINY

# Two layers of width 64: q and o of 64 x 64, k and v of 32 x 64 (2 heads of 16), gate, up and down of 96 x 64.
BODY = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64)
HEAD = 307 * 64
VECTORS = 5 * 64 * 4  # norms in float32
KV_PER_TOKEN = 2 * (2 * 2 * 16 * 2)  # layers, of K and V, heads, size, bytes


@pytest.fixture(scope="module")
def cost() -> ModelCost:
    return cost_of(open_checkpoint(TINY / "llama_q4_0.gguf"))


def test_a_tied_head_is_read_and_its_weights_are_quantised(cost: ModelCost) -> None:
    assert cost.body == (BODY, 0)
    assert cost.head == (HEAD, 0)
    assert cost.weight_bytes == (BODY + HEAD) * 18 // 32 + VECTORS
    assert cost.kv_bytes(10) == 10 * KV_PER_TOKEN


def test_an_embedding_that_is_only_looked_up_is_not_read() -> None:
    cost = cost_of(open_checkpoint(TINY / "llama_untied_f16.gguf"))
    body = 2 * (4 * 128 * 64 + 3 * 64 * 64)
    assert cost.body == (0, body)
    assert cost.head == (0, 307 * 64)
    assert cost.weight_bytes == 2 * (body + 307 * 64) + 5 * 64 * 4


def test_nor_are_tables_of_positions_and_token_types() -> None:
    graph = Graph()
    x = graph.embed("token_embd.weight", 50, 16)
    for name, by in (("position_embd.weight", "position"), ("token_types.weight", "type")):
        x = graph.add(x, graph.embed(name, 40, 16, by=by))
    graph.set_output(graph.linear(graph.select_rows(x), "token_embd.weight", 50))
    assert graph.looked_up == {"position_embd.weight", "token_types.weight"}


def test_a_window_bounds_the_keys_that_are_read() -> None:
    cost = cost_of(open_checkpoint(TINY / "gemma3_q8_0.gguf"))  # seven layers, all but one with a window of 40
    per_layer = 2 * 32 * 2  # K and V, one head of 32, bytes
    assert cost.kv_bytes(30) == 7 * 30 * per_layer
    assert cost.kv_bytes(100) == (6 * 40 + 100) * per_layer


def test_packed_weights_take_what_the_file_says(cost: ModelCost) -> None:
    checkpoint = open_checkpoint(TINY / "llama_q4_0.gguf")
    backend = CpuBackend(build_graph(checkpoint), checkpoint.tensors, threads=1, n_blocks=1)
    packed_rows = 13 * 64 * 18 // 32  # the head's 307 rows are packed as 320
    assert backend.weight_bytes == pytest.approx(cost.weight_bytes + packed_rows, abs=4096)  # alignment


def test_decoding_is_bound_by_reading(cost: ModelCost) -> None:
    limits = Limits(read=1e9, dot=1e15, fma=1e15)
    n_bytes = cost.weight_bytes + (100 + 16) * KV_PER_TOKEN  # half of 32 new tokens
    rate, bound = most_tokens_per_second(Metric("decode", 100), cost, limits, 32) or (0.0, "")
    assert bound == "read"
    assert rate == pytest.approx(1e9 / n_bytes)


def test_streams_share_the_weights_and_not_the_keys(cost: ModelCost) -> None:
    limits = Limits(read=1e9, dot=1e15, fma=1e15)
    n_bytes = cost.weight_bytes + 8 * (16 + 16) * KV_PER_TOKEN
    assert most_tokens_per_second(Metric("streams", 8), cost, limits, 32) == (pytest.approx(8e9 / n_bytes), "read")
    slow = Limits(read=1e15, dot=1e9, fma=1e15)
    each = 2 * (BODY + HEAD)
    assert most_tokens_per_second(Metric("streams", 8), cost, slow, 32) == (pytest.approx(1e9 / each), "compute")


def test_prefill_computes_one_row_of_logits_and_reads_the_weights_once_per_chunk(cost: ModelCost) -> None:
    slow = Limits(read=1e15, dot=1e9, fma=1e15)
    ops = 2 * (600 * BODY + HEAD)
    assert most_tokens_per_second(Metric("prefill", 600), cost, slow, 32) == (pytest.approx(600e9 / ops), "compute")
    narrow = Limits(read=1e6, dot=1e15, fma=1e15)
    rate = 600e6 / (2 * cost.weight_bytes)
    assert most_tokens_per_second(Metric("prefill", 600), cost, narrow, 32) == (pytest.approx(rate), "read")


def test_float_weights_are_multiplied_at_the_rate_of_floats() -> None:
    cost = ModelCost(0, body=(10, 20), head=(0, 5), attentions=())
    limits = Limits(read=1.0, dot=10.0, fma=5.0)
    seconds = 2 * 10 / 10 + 2 * 25 / 5
    assert most_tokens_per_second(Metric("decode", 4), cost, limits, 2) == (pytest.approx(1 / seconds), "compute")


def test_times_and_memory_have_no_limit(cost: ModelCost) -> None:
    limits = Limits(1.0, 1.0, 1.0)
    assert all(
        most_tokens_per_second(Metric(kind, 32), cost, limits, 8) is None for kind in ("first", "start", "memory")
    )
