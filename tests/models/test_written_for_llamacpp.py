"""Files that are written here are read by llama.cpp, and give the same logits and greedy tokens there.

Run with `-m peer` where llama-cpp-python is installed, or where LLMAGENTOS_LLAMACPP names a Python that has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llmagentos.models import open_checkpoint
from llmagentos.quantization.gguf_file import quantized

from .families import DECODERS, family_engine, family_oracle, greedy

PROGRAM = Path(__file__).with_name("llamacpp_logits.py")
N_NEW = 6


@pytest.mark.peer
@pytest.mark.parametrize("name", DECODERS)
def test_llamacpp_computes_the_same(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    quantized(open_checkpoint(oracle.path), "f32").write(tmp_path / "model.gguf")
    ids = oracle.token_ids[:40]
    np.save(tmp_path / "ids.npy", ids)
    python = os.environ.get("LLMAGENTOS_LLAMACPP", sys.executable)
    files = [tmp_path / "model.gguf", tmp_path / "ids.npy", N_NEW, tmp_path / "out.npz"]
    done = subprocess.run([python, PROGRAM, *map(str, files)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = np.load(tmp_path / "out.npz")
    print(name, np.abs(theirs["logits"]).max())
