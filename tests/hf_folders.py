"""Small folders as transformers saves them, without it: a Llama of random weights, and a tokenizer from the oracles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOKENIZERS = Path(__file__).parent / "oracles" / "tokenizers"
WIDTH, HEADS, MLP, LAYERS = 64, 4, 128, 2


def write_safetensors(path: Path, tensors: dict[str, NDArray[np.float32]]) -> None:
    header, at = dict[str, Any](), 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_llama(folder: Path, n_vocab: int, tokenizer: str | None, seed: int = 0, **config: Any) -> Path:
    """A folder with a Llama of `n_vocab` rows and the tokenizer of a kind of the oracles."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    tensors = {
        "model.embed_tokens.weight": weights(n_vocab, WIDTH),
        "model.norm.weight": np.ones(WIDTH, np.float32),
        "lm_head.weight": weights(n_vocab, WIDTH),
    }
    for i in range(LAYERS):
        layer = f"model.layers.{i}"
        tensors |= {f"{layer}.self_attn.{name}_proj.weight": weights(WIDTH, WIDTH) for name in "qkvo"}
        tensors |= {f"{layer}.mlp.{name}_proj.weight": weights(MLP, WIDTH) for name in ("gate", "up")}
        tensors[f"{layer}.mlp.down_proj.weight"] = weights(WIDTH, MLP)
        tensors |= {
            f"{layer}.{name}_layernorm.weight": np.ones(WIDTH, np.float32) for name in ("input", "post_attention")
        }
    write_safetensors(folder / "model.safetensors", tensors)
    fields = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "intermediate_size": MLP,
        "max_position_embeddings": 256,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "rms_norm_eps": 1e-5,
        "vocab_size": n_vocab,
    }
    (folder / "config.json").write_text(json.dumps({**fields, **config}))
    if tokenizer is not None:
        for file in (TOKENIZERS / tokenizer).iterdir():
            if file.name != "expected.json.gz":
                shutil.copy(file, folder)
    return folder
