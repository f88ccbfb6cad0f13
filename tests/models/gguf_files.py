"""GGUF files of checkpoints, as llama.cpp's converter writes them, by the `gguf` package."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import decoded
from llmagentos.models.fused import fused


def write_gguf(checkpoint: Checkpoint, path: Path, quantized: str | None = None) -> None:
    """Write a checkpoint with a vocabulary of the right size.

    Args:
        quantized: the weight format of matrices whose rows it divides; None for float32.
    """
    writer = gguf.GGUFWriter(path, checkpoint.architecture)
    _add_metadata(writer, checkpoint)
    for name, values in _tensors(checkpoint).items():
        if quantized is None or values.ndim == 1 or values.shape[-1] % 32:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType[quantized]
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, checkpoint: Checkpoint) -> None:
    file = checkpoint.metadata._file
    keys = file.keys()
    for key in keys:
        value = file.get(key) if file.array_length(key) is None else file.array(key)
        if isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        else:
            writer.add_string(key, str(value))
    n = checkpoint.vocab_size
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(n - 3))])
    writer.add_token_scores([0.0] * n)
    writer.add_token_types([2, 3, 3, *[6] * (n - 3)])


def _tensors(checkpoint: Checkpoint) -> dict[str, NDArray[np.float32]]:
    tensors = fused(checkpoint).tensors
    return {name: decoded(tensors, name) for name in tensors.names()}
