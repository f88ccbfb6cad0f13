"""A tiny random Llama as transformers saves it, written with numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
HIDDEN, MLP, LAYERS, HEADS, KV_HEADS, VOCAB = 64, 96, 2, 4, 2, 120
KINDS = {"float32": "F32", "float16": "F16", "int32": "I32", "uint16": "BF16", "uint8": "F8_E4M3"}


def llama_config(**fields: Any) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": VOCAB,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    } | fields


def llama_weights(seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)

    def matrix(rows: int, cols: int) -> Array:
        return rng.normal(0, 2 * cols**-0.5, (rows, cols)).astype(np.float32)

    def norm() -> Array:
        return rng.normal(1, 0.1, HIDDEN).astype(np.float32)

    kv = HIDDEN // HEADS * KV_HEADS
    weights = {
        "model.embed_tokens.weight": matrix(VOCAB, HIDDEN),
        "model.norm.weight": norm(),
        "lm_head.weight": matrix(VOCAB, HIDDEN),
    }
    for i in range(LAYERS):
        layer = {
            "input_layernorm": norm(),
            "post_attention_layernorm": norm(),
            "self_attn.q_proj": matrix(HIDDEN, HIDDEN),
            "self_attn.k_proj": matrix(kv, HIDDEN),
            "self_attn.v_proj": matrix(kv, HIDDEN),
            "self_attn.o_proj": matrix(HIDDEN, HIDDEN),
            "mlp.gate_proj": matrix(MLP, HIDDEN),
            "mlp.up_proj": matrix(MLP, HIDDEN),
            "mlp.down_proj": matrix(HIDDEN, MLP),
        }
        weights |= {f"model.layers.{i}.{name}.weight": values for name, values in layer.items()}
    return weights


def write_folder(folder: Path, weights: Mapping[str, Array], config: Mapping[str, Any] | None = None) -> Path:
    """config.json and model.safetensors; uint16 stands for BF16, uint8 for floats of 8 bits."""
    header, offset = dict[str, Any](), 0
    for name, values in weights.items():
        end = offset + values.nbytes
        header[name] = {"dtype": KINDS[values.dtype.name], "shape": values.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in weights.values():
            file.write(np.ascontiguousarray(values).tobytes())
    (folder / "config.json").write_text(json.dumps(llama_config() if config is None else config))
    return folder
