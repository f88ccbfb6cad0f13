"""Speed of the kernels, as pytest-benchmark tells it: one matrix product per weight format, ISA and number of tokens.

usage: pytest benchmarks/bench_kernels.py --benchmark-enable [-k "Q4_K and avx2"]

A graph of one product is run by the executor on one thread, so what is timed includes quantising the input rows. The
matrix (2048 x 1536) fits the second- or third-level cache: this measures arithmetic, not memory.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from llmagentos._core import quant
from llmagentos._core.formats import GgufFile
from llmagentos._core.graph import Graph
from llmagentos._core.runtime import BLOCK_SIZE, Executor, ThreadPool, machine

ROWS, COLS, VOCAB = 2048, 1536, 64
FORMATS = ["F32", "Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"]
ISAS = [isa for isa in machine()["isas"] if isa != "reference"]


@pytest.fixture(scope="module")
def matrices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one random matrix per format, named by it, and embeddings to feed them."""
    path = tmp_path_factory.mktemp("bench") / "matrices.gguf"
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tensor("embed", random.standard_normal((VOCAB, COLS), dtype=np.float32))
    values = random.standard_normal((ROWS, COLS), dtype=np.float32)
    for name in FORMATS:
        blocks = values
        if name != "F32":
            blocks = np.frombuffer(quant.quantize(values.reshape(-1), name), dtype=np.uint8).reshape(ROWS, -1)
        writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("n_tokens", [1, 16, 128])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_product(benchmark: BenchmarkFixture, matrices: Path, dtype: str, isa: str, n_tokens: int) -> None:
    graph = Graph()
    graph.set_output(graph.linear(graph.select_rows(graph.embed("embed", VOCAB, COLS)), dtype, ROWS))
    executor = Executor(graph, GgufFile(str(matrices)), ThreadPool(1), max_tokens=n_tokens, n_blocks=8, isa=isa)
    tokens = np.arange(n_tokens, dtype=np.int32)
    starts = np.array([0, n_tokens], dtype=np.int32)
    blocks = np.arange(-(-n_tokens // BLOCK_SIZE), dtype=np.int32)[None]
    logits = benchmark(executor.run, tokens % VOCAB, tokens, starts, blocks, tokens)
    assert logits.shape == (n_tokens, ROWS)
    if benchmark.stats is not None:
        benchmark.extra_info["Gop/s"] = 2e-9 * n_tokens * ROWS * COLS / benchmark.stats.stats.median
