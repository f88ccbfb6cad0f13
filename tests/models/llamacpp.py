"""What llama.cpp makes of a checkpoint written here; LLMAGENTOS_LLAMACPP names a Python with llama-cpp-python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.quantization.gguf_file import quantized

PROGRAM = Path(__file__).with_name("llamacpp_logits.py")
TOLERANCE = 1e-3  # llama.cpp looks GELU up in a table of float16, and takes its form by tanh for some of these families


def by_llamacpp(checkpoint: Checkpoint, ids: NDArray[np.int32], n_new: int, folder: Path) -> dict[str, NDArray[Any]]:
    """Writes the model as folder/model.gguf and gives what tests/models/llamacpp_logits.py makes of it."""
    quantized(checkpoint, "f32").write(folder / "model.gguf")
    np.save(folder / "ids.npy", ids)
    files = [folder / "model.gguf", folder / "ids.npy", n_new, folder / "out.npz"]
    program = [os.environ["LLMAGENTOS_LLAMACPP"], str(PROGRAM), *map(str, files)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(folder / "out.npz") as made:
        return {name: made[name] for name in made.files}
