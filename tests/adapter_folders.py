"""Small LoRA adapters in folders as PEFT saves them, without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .hf_folders import LAYERS, MLP, WIDTH, write_safetensors


def write_adapter(
    folder: Path, shapes: Mapping[str, tuple[int, int]], rank: int = 4, seed: int = 0, **config: Any
) -> Path:
    """An adapter with random factors of these modules, whose weights have the shapes [rows, columns]."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, tensors = np.random.default_rng(seed), {}
    for module, (n_rows, n_cols) in shapes.items():
        for factor, shape in (("A", (rank, n_cols)), ("B", (n_rows, rank))):
            values = rng.normal(0, 0.5, shape).astype(np.float32)
            tensors[f"base_model.model.{module}.lora_{factor}.weight"] = values
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank} | config))
    return folder


def write_llama_adapter(folder: Path, seed: int = 0) -> Path:
    """One for the Llama of tests/hf_folders.py: for a part of each layer's attention and MLP."""
    shapes = {}
    for i in range(LAYERS):
        shapes[f"model.layers.{i}.self_attn.q_proj"] = (WIDTH, WIDTH)
        shapes[f"model.layers.{i}.mlp.up_proj"] = (MLP, WIDTH)
    return write_adapter(folder, shapes, seed=seed)
