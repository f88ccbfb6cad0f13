"""GGUF files in several parts, written by the `gguf` package."""

from __future__ import annotations

from pathlib import Path

import gguf

TENSORS_PER_PART = 8


def split_gguf(source: Path, folder: Path, *, name: str = "model", first_is_small: bool = False) -> list[Path]:
    """A file's model in parts of a few tensors, in order.

    Args:
        first_is_small: whether the first part holds the metadata alone.
    """
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(
        folder / f"{name}.gguf",
        str(reader.fields["general.architecture"].contents()),
        split_max_tensors=TENSORS_PER_PART,
        small_first_shard=first_is_small,
    )
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            kind, *elements = field.types
            writer.add_key_value(key, field.contents(), kind, elements[-1] if elements else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob(f"{name}-*.gguf"))
