from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos._core.runtime import machine

from .forced_isa import run_jobs
from .splits import REPEATED_TOKENS, SPLITS, repeated_kv_dtypes
from .tiny_models import SUPPORTED, tiny_oracle

VECTOR_ISAS = ("sse4", "avx2", "avxvnni", "avx512", "avx512vnni", "neon", "neondot")


@pytest.fixture(scope="session", params=["reference", *VECTOR_ISAS])
def isa(request: pytest.FixtureRequest) -> str:
    """Each instruction set that this build has and this machine runs."""
    name: str = request.param
    if name not in machine()["isas"]:
        pytest.skip(f"this machine or build has no {name}")
    return name


@pytest.fixture(scope="session")
def tiny_logits(isa: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float32]]:
    """Logits of every tiny model over its oracle's tokens, under "NAME KV" (the KV cache's type)."""
    jobs = [
        {"key": f"{name} {kv}", "path": str(oracle.path), "token_ids": oracle.token_ids.tolist(), "kv_dtype": kv}
        for name in SUPPORTED
        for kv in ("f32", "f16", "int8")
        for oracle in [tiny_oracle(name)]
    ]
    return run_jobs(isa, jobs, tmp_path_factory.mktemp("logits"))


@pytest.fixture(scope="session")
def repeated_logits(isa: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float32]]:
    """Logits of every tiny model over 200 tokens, split in each of SPLITS' ways, under "NAME SPLIT KV"."""
    jobs = []
    for name in SUPPORTED:
        oracle = tiny_oracle(name)
        ids = np.random.default_rng(3).integers(0, oracle.logits.shape[1], REPEATED_TOKENS).tolist()
        for kv in repeated_kv_dtypes(name):
            for split, options in SPLITS.items():
                key = f"{name} {split} {kv}"
                jobs.append({"key": key, "path": str(oracle.path), "token_ids": ids, "kv_dtype": kv, **options})
    return run_jobs(isa, jobs, tmp_path_factory.mktemp("repeated"))
