"""Folders as transformers saves them, made of another one's with some tensors changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos.formats.hf_folder import HfFolder

Tensors = dict[str, tuple[str, NDArray[Any]]]  # by name: safetensors' type and the values, BF16 as uint16


def read_tensors(folder: Path) -> Tensors:
    opened = HfFolder(folder)
    return {name: (opened.spec(name).dtype, opened.array(name)) for name in opened.names()}


def write_folder(folder: Path, config_of: Path, tensors: Tensors, **fields: Any) -> Path:
    """The folder, with the configuration of another one but for some fields."""
    config = json.loads((config_of / "config.json").read_text()) | fields
    (folder / "config.json").write_text(json.dumps(config))
    header, data = dict[str, Any](), b""
    for name, (dtype, array) in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    return folder
