"""Every family and option on tiny random models in transformers' folders, against transformers on the same weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos import UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .families import CASES, DATA, DECODERS, FamilyOracle, beams, changed_folder, family_engine, family_oracle, greedy
from .forced_isa import run_jobs
from .logits import logits_of

Logits = NDArray[np.float32]
REFUSED = [(name, field) for name, case in CASES.items() for field in case.refused]


@pytest.fixture(scope="module", params=DECODERS)
def oracle(request: pytest.FixtureRequest) -> FamilyOracle:
    return family_oracle(request.param)


@pytest.fixture(scope="module")
def reference_logits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Logits]:
    """Logits by the plain C++ kernels and a float32 cache."""
    oracles = [family_oracle(name) for name in DECODERS]
    jobs = [{"key": o.case.name, "path": str(o.path), "token_ids": o.token_ids.tolist()} for o in oracles]
    return run_jobs("reference", jobs, tmp_path_factory.mktemp("families"))


def test_reference_kernels_agree_with_transformers(oracle: FamilyOracle, reference_logits: dict[str, Logits]) -> None:
    assert oracle.relative_difference(reference_logits[oracle.case.name]) < 1e-4


def test_the_fastest_kernels_agree_with_transformers(oracle: FamilyOracle) -> None:
    assert oracle.relative_difference(logits_of(oracle.path, oracle.token_ids)) < 1e-4


def test_a_half_precision_cache_costs_little(oracle: FamilyOracle) -> None:
    assert oracle.relative_difference(logits_of(oracle.path, oracle.token_ids, kv_dtype="f16")) < 5e-3


@pytest.mark.parametrize("kv_dtype", ["f32", "f16"])
def test_continuations_are_those_of_transformers(oracle: FamilyOracle, kv_dtype: str) -> None:
    with family_engine(oracle.path, kv_dtype) as engine:
        assert greedy(engine, oracle.prompts, len(oracle.continuations[0])) == oracle.continuations


@pytest.mark.parametrize("kv_dtype", ["f32", "f16"])
def test_beams_are_those_of_transformers(oracle: FamilyOracle, kv_dtype: str) -> None:
    expected = oracle.arrays["beams"]
    with family_engine(oracle.path, kv_dtype) as engine:
        assert beams(engine, oracle.prompts[-1], *expected.shape) == expected.tolist()


def test_a_prompt_in_chunks_gives_the_same_bits(oracle: FamilyOracle) -> None:
    whole, parts = (logits_of(oracle.path, oracle.token_ids, kv_dtype="f16", chunk=chunk) for chunk in (512, 13))
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("name", CASES)
def test_a_field_that_nothing_reads_is_refused(name: str, tmp_path: Path) -> None:
    folder = changed_folder(DATA / name, tmp_path, attention_of_a_new_kind=True)
    with pytest.raises(UnsupportedModelError, match="attention_of_a_new_kind=True"):
        open_checkpoint(folder)


@pytest.mark.parametrize(("name", "field"), REFUSED)
def test_an_option_that_is_not_built_is_refused(name: str, field: str, tmp_path: Path) -> None:
    value = CASES[name].refused[field]
    with pytest.raises(UnsupportedModelError):
        build_graph(open_checkpoint(changed_folder(DATA / name, tmp_path, **{field: value})))


def test_every_case_has_its_folder_and_every_folder_its_case() -> None:
    assert sorted(CASES) == sorted(path.name for path in DATA.iterdir())


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_transformers_still_gives_what_is_kept(name: str, tmp_path: Path) -> None:
    for needed in ("torch", "transformers"):
        pytest.importorskip(needed)
    command = [sys.executable, "-m", "tests.oracles.families.make", "--out", str(tmp_path), name]
    subprocess.run(command, check=True, timeout=600, cwd=Path(__file__).parents[2])
    made, kept = tmp_path / name, DATA / name
    for file in ("config.json", "model.safetensors"):
        assert (made / file).read_bytes() == (kept / file).read_bytes()
    with np.load(made / "expected.npz") as new, np.load(kept / "expected.npz") as old:
        assert new.files == old.files
        for key in new.files:
            np.testing.assert_allclose(new[key], old[key], rtol=1e-4, atol=1e-4, err_msg=key)
