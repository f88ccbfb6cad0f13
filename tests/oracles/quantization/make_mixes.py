"""Which format llama.cpp gives each tensor of small models under each of its mixes, as mixes.json.gz.

    python make_mixes.py

Needs llama-cpp-python and gguf. Of a model the file has its metadata, the shapes of its tensors, and for each mix the
formats of those that it quantises.
"""

from __future__ import annotations

import ctypes
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from llama_cpp import llama_cpp as api

# GGUF's general.file_type of each mix.
MIXES = {
    "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12, "q3_k_l": 13,
    "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "iq4_nl": 25, "f16": 1, "bf16": 32,
}  # fmt: skip
# Architecture, layers, heads, KV heads, and what differs from a tied model of width 256.
MODELS: dict[str, dict[str, Any]] = {
    "grouped": {"layers": 24, "kv": 2},
    "untied": {"layers": 26, "kv": 8, "tied": False},
    "eighty": {"layers": 80, "kv": 2},
    "experts": {"layers": 8, "kv": 2, "experts": 8, "hidden": 256},
    "falcon": {"architecture": "falcon", "layers": 18, "heads": 4, "kv": 1},
    "narrow": {"layers": 9, "kv": 2, "width": 96},
    "odd": {"layers": 4, "heads": 5, "kv": 5, "width": 80, "hidden": 256},
}


def metadata(layers: int, kv: int, architecture: str = "llama", heads: int = 8, width: int = 256, hidden: int = 512,
             experts: int = 0, tied: bool = True) -> dict[str, Any]:  # fmt: skip
    values: dict[str, Any] = {
        "block_count": layers, "context_length": 128, "embedding_length": width, "feed_forward_length": hidden,
        "attention.head_count": heads, "attention.head_count_kv": kv, "rope.dimension_count": width // heads,
        "vocab_size": 64,
    }  # fmt: skip
    if experts:
        values |= {"expert_count": experts, "expert_used_count": 2}
    return {f"{architecture}.{key}": value for key, value in values.items()}


def shapes(layers: int, kv: int, architecture: str = "llama", heads: int = 8, width: int = 256, hidden: int = 512,
           experts: int = 0, tied: bool = True) -> dict[str, tuple[int, ...]]:  # fmt: skip
    size = width // heads
    made: dict[str, tuple[int, ...]] = {"token_embd.weight": (64, width), "output_norm.weight": (width,)}
    if not tied:
        made["output.weight"] = (64, width)
    for i in range(layers):
        layer: dict[str, tuple[int, ...]] = {"attn_norm": (width,), "attn_output": (width, width), "ffn_norm": (width,)}
        if architecture == "falcon":
            layer |= {"attn_qkv": (width + 2 * kv * size, width)}
        else:
            layer |= {"attn_q": (width, width), "attn_k": (kv * size, width), "attn_v": (kv * size, width)}
        if experts:
            layer |= {"ffn_gate_inp": (experts, width), "ffn_gate_exps": (experts, hidden, width)}
            layer |= {"ffn_up_exps": (experts, hidden, width), "ffn_down_exps": (experts, width, hidden)}
        else:
            layer |= {} if architecture == "falcon" else {"ffn_gate": (hidden, width)}
            layer |= {"ffn_up": (hidden, width), "ffn_down": (width, hidden)}
        made |= {f"blk.{i}.{name}.weight": shape for name, shape in layer.items()}
    return made


def write(path: Path, model: dict[str, Any]) -> None:
    architecture = model.get("architecture", "llama")
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in metadata(**model).items():
        writer.add_uint32(key, value)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_float32(f"{architecture}.attention.layer_norm_epsilon", 1e-5)
    writer.add_string("tokenizer.ggml.model", "none")
    for name, shape in shapes(**model).items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def formats(source: Path, file_type: int) -> dict[str, str]:
    target = source.with_suffix(".out")
    params = api.llama_model_quantize_default_params()
    params.ftype, params.nthread = file_type, 1
    assert api.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)) == 0
    return {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(target).tensors}


def main() -> None:
    api.llama_backend_init()
    record: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in MODELS.items():
            source = Path(folder) / f"{name}.gguf"
            write(source, model)
            record[name] = {
                "architecture": model.get("architecture", "llama"),
                "metadata": metadata(**model),
                "shapes": shapes(**model),
                "formats": {mix: formats(source, file_type) for mix, file_type in MIXES.items()},
            }
    with gzip.GzipFile(Path(__file__).with_name("mixes.json.gz"), "wb", mtime=0) as file:
        file.write(json.dumps(record).encode())


if __name__ == "__main__":
    main()
