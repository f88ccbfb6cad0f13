"""transformers' distributions after its temperature, top-k, top-p, min-p and typical filters, in the order it has them.

    python make.py

Writes filters.npz beside this script: logits float32 [R, vocab], settings (a list of S, as JSON), and the probabilities
under each of them, expected float32 [S, R, vocab]. Needs torch and transformers.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.generation import logits_process as hf

HERE = Path(__file__).parent
N_ROWS, N_VOCAB = 6, 400

WARPERS = {
    "temperature": hf.TemperatureLogitsWarper,
    "top_k": hf.TopKLogitsWarper,
    "top_p": hf.TopPLogitsWarper,
    "min_p": hf.MinPLogitsWarper,
    "typical_p": hf.TypicalLogitsWarper,
}
SETTINGS = [
    {"typical_p": 0.2},
    {"typical_p": 0.5},
    {"typical_p": 0.9},
    {"typical_p": 0.95, "temperature": 0.6},
    {"typical_p": 0.7, "temperature": 1.6},
    {"typical_p": 0.9, "top_k": 30},
    {"typical_p": 0.5, "top_p": 0.9},
    {"typical_p": 0.8, "min_p": 0.02},
    {"typical_p": 0.6, "top_k": 50, "top_p": 0.95, "min_p": 0.01, "temperature": 0.8},
    {"top_k": 40, "top_p": 0.95, "min_p": 0.05, "temperature": 0.7},
]


def make_logits() -> NDArray[np.float32]:
    """Rows from nearly flat to sharply peaked: from an entropy above that of most tokens to one below."""
    rng = np.random.default_rng(20)
    scales = np.geomspace(0.3, 8, N_ROWS)[:, None]
    return (rng.normal(size=(N_ROWS, N_VOCAB)) * scales).astype(np.float32)


def filtered(logits: torch.Tensor, settings: dict[str, float]) -> NDArray[np.float32]:
    for name, warper in WARPERS.items():
        if name in settings:
            logits = warper(settings[name])(None, logits)
    return logits.softmax(-1).numpy()


def main() -> None:
    logits = make_logits()
    expected = np.stack([filtered(torch.from_numpy(logits), settings) for settings in SETTINGS])
    np.savez_compressed(HERE / "filters.npz", logits=logits, settings=json.dumps(SETTINGS), expected=expected)


if __name__ == "__main__":
    main()
