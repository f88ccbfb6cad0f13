"""The tiny models of tests/oracles/models/tiny and transformers' logits for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TINY = Path(__file__).parents[1] / "oracles" / "models" / "tiny"
NAMES = sorted(path.stem for path in TINY.glob("*.gguf"))
SUPPORTED = NAMES
FLOAT_WEIGHTS = ("llama_f32", "llama_untied_f16", "gemma3_f32")


@dataclass(frozen=True)
class TinyOracle:
    """token_ids [n] and the reference's logits [r, vocab] of the positions `rows` [r]."""

    path: Path
    token_ids: NDArray[np.int32]
    rows: NDArray[np.int64]
    logits: NDArray[np.float32]


def tiny_oracle(name: str) -> TinyOracle:
    with np.load(TINY / f"{name}.npz") as stored:
        return TinyOracle(TINY / f"{name}.gguf", stored["token_ids"], stored["rows"], stored["logits"])
