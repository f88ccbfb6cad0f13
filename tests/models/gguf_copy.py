"""A checkpoint written as a GGUF file, its experts in a weight format of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import decoded


def write_gguf(
    checkpoint: Checkpoint, path: Path, experts: str = "F32", extra: Mapping[str, Any] | None = None
) -> None:
    """Metadata and tensors as the checkpoint has them, all but the experts in float32; and extra metadata."""
    writer = gguf.GGUFWriter(path, checkpoint.architecture)
    _add_vocabulary(writer, checkpoint.vocab_size)
    file: Any = checkpoint.metadata._file
    for key in list(file.keys()):
        value = file.get(key)
        _add(writer, key, file.array(key) if value is None else value)
    for key, value in (extra or {}).items():
        _add(writer, key, value)
    for name in checkpoint.tensors.names():
        values = decoded(checkpoint.tensors, name)
        kind = gguf.GGMLQuantizationType[experts if name.endswith("_exps.weight") else "F32"]
        data = values if kind == gguf.GGMLQuantizationType.F32 else gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _add_vocabulary(writer: gguf.GGUFWriter, n: int) -> None:
    """Tokens that are single characters."""
    kinds = gguf.TokenType
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(chr(0x4E00 + i) for i in range(n - 3))])
    writer.add_token_scores(np.zeros(n).tolist())
    writer.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.NORMAL] * (n - 3)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
