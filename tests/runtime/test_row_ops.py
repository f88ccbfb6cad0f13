"""Ops that act on single rows, against numpy: each row by itself, whoever computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos import InvalidRequestError
from llmagentos._core.graph import Graph
from llmagentos._core.runtime import Executor, ThreadPool
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec

Floats = NDArray[np.float32]
N_ROWS, WIDTH = 9, 32
ROWS = np.random.default_rng(0).standard_normal((N_ROWS, WIDTH)).astype(np.float32)
OTHERS = np.random.default_rng(1).standard_normal((N_ROWS, WIDTH)).astype(np.float32)
COLUMNS = np.random.default_rng(3).standard_normal(WIDTH).astype(np.float32)
TENSORS = {"rows": ROWS, "others": OTHERS, "columns": COLUMNS}


def run(
    build: Callable[[Graph, int, int], int],
    tensors: Mapping[str, Floats] = TENSORS,
    ids: list[int] | None = None,
    *,
    threads: int = 1,
    fuse: bool = True,
) -> Floats:
    """What the op makes of rows of two embeddings, those of the tokens' ids."""
    g = Graph()
    x, y = (g.embed(name, *tensors[name].shape) for name in ("rows", "others"))
    g.set_output(g.select_rows(build(g, x, y)))
    lazy = {
        name: LazyTensor(TensorSpec("F32", values.shape), lambda values=values: values)
        for name, values in tensors.items()
    }
    ids = list(range(N_ROWS)) if ids is None else ids
    pool = ThreadPool(threads)
    executor = Executor(
        g, LazyTensors(lazy).native(), pool, max_tokens=N_ROWS, n_blocks=1, kv_dtype="f32", isa="", fuse=fuse
    )
    n = len(ids)
    starts, blocks, positions = np.array([0, n], np.int32), np.zeros((1, 1), np.int32), np.arange(n, dtype=np.int32)
    found: Floats = executor.run(np.array(ids, np.int32), positions, starts, blocks, positions).copy()
    return found


def mixed(constants: Floats | None, factors: Floats | None, base: Floats | None) -> Floats:
    """[rows, out]: parts of the rows, of which there are as many as the factors have columns [out][in]."""
    n_in = 4
    made = np.zeros((N_ROWS, WIDTH // n_in * 2), np.float64) if base is None else base.astype(np.float64)
    for row in range(N_ROWS):
        both = np.zeros((2, n_in)) if constants is None else constants.astype(np.float64)
        both = both if factors is None else both + factors[row].reshape(2, n_in)
        made[row] += (both @ ROWS[row].reshape(n_in, -1)).reshape(-1)
    return made.astype(np.float32)


CONSTANTS = np.array([[1.0, 0.0, -0.5, 0.0], [0.0, 2.0, 0.0, 0.0]], np.float32)
COEFFICIENTS = np.random.default_rng(4).standard_normal((N_ROWS, 8)).astype(np.float32)
BASE = np.random.default_rng(5).standard_normal((N_ROWS, WIDTH // 2)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("has_base", [True, False])
@pytest.mark.parametrize(("has_constants", "has_factors"), [(True, False), (False, True), (True, True)])
def test_parts_are_mixed(has_constants: bool, has_factors: bool, has_base: bool, threads: int) -> None:
    def build(g: Graph, x: int, _: int) -> int:
        return g.mix(
            x,
            parts=4,
            constants=CONSTANTS.reshape(-1).tolist() if has_constants else (),
            coefficients=g.embed("coefficients", *COEFFICIENTS.shape) if has_factors else None,
            base=g.embed("base", *BASE.shape) if has_base else None,
        )

    found = run(build, TENSORS | {"coefficients": COEFFICIENTS, "base": BASE}, threads=threads)
    given = CONSTANTS if has_constants else None, COEFFICIENTS if has_factors else None, BASE if has_base else None
    np.testing.assert_allclose(found, mixed(*given), rtol=1e-5, atol=1e-5)


def test_a_part_that_a_mix_leaves_out_may_be_anything() -> None:
    rows = ROWS.copy()
    rows[:, WIDTH // 2 :] = np.inf
    found = run(lambda g, x, _: g.mix(x, parts=2, constants=[3.0, 0.0]), TENSORS | {"rows": rows})
    np.testing.assert_array_equal(found, 3 * ROWS[:, : WIDTH // 2])


def test_a_row_is_scaled_to_the_magnitude_of_another() -> None:
    found = run(lambda g, x, y: g.match_rms(x, y, least=1e-5))
    rms = np.sqrt(np.mean(OTHERS.astype(np.float64) ** 2, 1) / np.mean(ROWS.astype(np.float64) ** 2, 1))
    np.testing.assert_allclose(found, ROWS * rms[:, None], rtol=1e-5)


def test_a_row_of_next_to_nothing_stays_small() -> None:
    tensors = TENSORS | {"rows": np.zeros_like(ROWS)}
    tensors["rows"][0, 0] = 1e-8
    found = run(lambda g, x, y: g.match_rms(x, y, least=1e-4), tensors)
    assert (found[1:] == 0).all()
    np.testing.assert_allclose(found[0, 0], 1e-6 * np.sqrt(np.mean(OTHERS[0] ** 2)), rtol=1e-5)


@pytest.mark.parametrize("deviations", [-0.5, 0.0, 1.0])
def test_what_exceeds_the_mean_by_enough_is_kept(deviations: float) -> None:
    found = run(lambda g, x, _: g.excess(x, deviations))
    rows = ROWS.astype(np.float64)
    expected = np.maximum(rows - (rows.mean(1) + deviations * rows.std(1))[:, None], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert (found == 0).any()
    assert (found > 0).any()


def test_columns_are_scaled() -> None:
    np.testing.assert_allclose(run(lambda g, x, _: g.scale_columns(x, "columns")), ROWS * COLUMNS, rtol=1e-6)


@pytest.mark.parametrize("fuse", [True, False])
def test_ids_that_an_embedding_does_not_have_take_its_first_row(fuse: bool) -> None:
    def build(g: Graph, x: int, _: int) -> int:
        return g.add(x, g.scale(g.embed("few", 4, WIDTH, others_first=True), 2.0))

    ids = [3, 4, 8, 0]
    found = run(build, TENSORS | {"few": OTHERS[:4]}, ids, fuse=fuse)
    np.testing.assert_allclose(found, ROWS[ids] + 2 * OTHERS[[3, 0, 0, 0]], rtol=1e-5)


def test_ids_that_an_embedding_does_not_have_are_refused_elsewhere() -> None:
    with pytest.raises(InvalidRequestError, match="token id 4"):
        run(lambda g, x, _: g.add(x, g.embed("few", 4, WIDTH)), TENSORS | {"few": OTHERS[:4]}, [4])
