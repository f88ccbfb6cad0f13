"""Folders whose linear layers are floats of 8 bits (E4M3), as DeepSeek, Qwen and Mistral publish them: as float32.

A scale belongs to a whole matrix or to each block of it; w = scale * float. No block format has that without loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import dequantize
from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.tensors import LazyTensor, TensorSpec

_SCALE = ".weight_scale_inv"
_OF_ACTIVATIONS = ".activation_scale"  # which are rounded nowhere here
_BLOCK = [128, 128]
# What a setting may be, None where it is not there. Scales that are powers of two (ue8m0) are stored as float32, too.
_SETTINGS = {"fmt": (None, "e4m3"), "scale_fmt": (None, "float", "ue8m0"), "expert_dtype": (None, "fp8")}

Floats = NDArray[np.float32]


def unpack_fp8(folder: HfFolder, settings: Mapping[str, Any]) -> None:
    """Gives the folder a float32 tensor in place of each "x.weight" that has an "x.weight_scale_inv".

    Args:
        settings: config.json's quantization_config.

    Raises:
        UnsupportedModelError: a setting that is not built.
        ModelFormatError: scales that do not fit their weight.
    """
    for name, allowed in _SETTINGS.items():
        if settings.get(name) not in allowed:
            raise UnsupportedModelError(
                f"{folder.path}: quantization_config with {name}={settings[name]!r} is not supported"
            )
    block = settings.get("weight_block_size", _BLOCK)
    is_block = isinstance(block, list) and len(block) == 2 and all(type(n) is int and n > 0 for n in block)
    if block is not None and not is_block:
        raise ModelFormatError(f"{folder.path}: weight_block_size is {block!r}", str(folder.path))
    scales = [name for name in folder.names() if name.endswith(_SCALE)]
    made = dict[str, LazyTensor]()
    for scale in scales:
        name = f"{scale.removesuffix(_SCALE)}.weight"
        made[name] = _linear(folder, name, scale, block)
    folder.replace([*scales, *(name for name in folder.names() if name.endswith(_OF_ACTIVATIONS))], made)
    del folder.config["quantization_config"]


def _linear(folder: HfFolder, name: str, scale_name: str, block: list[int] | None) -> LazyTensor:
    if not folder.has(name) or folder.array(name).dtype != np.uint8 or len(folder.shape(name)) != 2:
        raise ModelFormatError(
            f"{folder.path}: {scale_name} is there without a matrix {name} of 8 bits", str(folder.path)
        )
    raw, spec = folder.array(name), folder.spec(scale_name)
    scales = dequantize(folder.array(scale_name).reshape(-1).view(np.uint8), spec.dtype, spec.n_values)
    n_rows, n_cols = raw.shape
    height, width = (max(n_rows, 1), max(n_cols, 1)) if block is None or scales.size == 1 else block
    blocks = -(-n_rows // height), -(-n_cols // width)
    if spec.shape != blocks and not scales.size == 1 == blocks[0] * blocks[1]:
        message = f"{name} has shape {[n_rows, n_cols]} in blocks of {block}, its scales have {list(spec.shape)}"
        raise ModelFormatError(f"{folder.path}: {message}", str(folder.path))

    def read() -> Floats:
        weight: Floats = _VALUES[raw]
        for i, of_row in enumerate(scales.reshape(blocks)):
            weight[i * height : (i + 1) * height] *= np.repeat(of_row, width)[:n_cols]
        return weight

    return LazyTensor(TensorSpec("F32", (n_rows, n_cols)), read)


def _values() -> Floats:
    """What each byte stands for: a sign, four bits of exponent, three of fraction; no infinities, two NaN."""
    byte = np.arange(256)
    exponent, fraction = byte >> 3 & 15, (byte & 7) / 8
    magnitude = np.where(exponent == 0, fraction * 2.0**-6, (1 + fraction) * 2.0 ** (exponent - 7.0))
    magnitude[(byte & 127) == 127] = np.nan
    return np.where(byte < 128, magnitude, -magnitude).astype(np.float32)


_VALUES = _values()
