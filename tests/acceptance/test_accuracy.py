"""Both real models over 8,192 tokens of English text against transformers in float32: `pytest -m acceptance`.

Needs torch, transformers and gguf in the environment, or LLMAGENTOS_REFERENCE naming a folder that holds one folder
per model (smollm2, gemma3) written by tests/oracles/models/make_real.py. docs/accuracy.md says how to run it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos._core.runtime import machine
from llmagentos.market import resolve

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
ORACLES = HERE.parent / "oracles" / "models"
MODELS = {"smollm2": "smollm2-135m-instruct", "gemma3": "gemma-3-270m"}
Figures = dict[str, float]


@pytest.fixture(scope="module", params=list(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def reference(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the full reference; made here where torch is installed."""
    stored = os.environ.get("LLMAGENTOS_REFERENCE")
    if stored:
        return Path(stored) / name
    if any(importlib.util.find_spec(module) is None for module in ("torch", "transformers", "gguf")):
        pytest.skip("needs torch, transformers and gguf, or LLMAGENTOS_REFERENCE")
    folder = tmp_path_factory.mktemp("reference") / name
    script = [sys.executable, str(ORACLES / "make_real.py"), str(resolve(MODELS[name]))]
    subprocess.run([*script, "--compact", str(ORACLES / f"{name}.npz"), "--folder", str(folder)], check=True)
    return folder


def measure(name: str, reference: Path, isa: str, kv_dtype: str) -> Figures:
    command = [sys.executable, str(HERE / "measure.py"), str(resolve(MODELS[name])), "--kv-dtype", kv_dtype]
    command += ["--oracle", str(ORACLES / f"{name}.npz"), "--reference", str(reference)]
    environment = os.environ | {"LLMAGENTOS_ISA": isa}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    print(f"\n{name}, {isa}, {kv_dtype} cache:")
    for key, value in figures.items():
        print(f"  {key:28} {value:.6g}")
    return figures


def test_reference_kernels_compute_the_reference(name: str, reference: Path) -> None:
    figures = measure(name, reference, "reference", "f32")
    assert figures["positions"] >= 8000
    assert figures["max_relative_difference"] < 1e-4
    assert figures["widest_flip_margin"] <= 0.01


@pytest.mark.parametrize("isa", [isa for isa in machine()["isas"] if isa != "reference"])
def test_fast_kernels_stay_close_to_it(name: str, reference: Path, isa: str) -> None:
    peer = json.loads((ORACLES / f"{name}.llamacpp.json").read_text())
    figures = measure(name, reference, isa, "f16")
    print(f"  KL is {figures['mean_kl'] / peer['mean_kl']:.3f} of llama.cpp's {peer['mean_kl']:.6g}")
    assert figures["positions"] >= 8000
    assert figures["mean_kl"] < 5e-3
    assert figures["mean_kl"] <= 1.05 * peer["mean_kl"]
    assert figures["top1"] >= 0.95
    assert abs(figures["perplexity"] / figures["reference_perplexity"] - 1) < 0.003
    assert figures["greedy_widest_flip_margin"] <= 0.8
