"""A transformers model in float32 from a GGUF file's dequantised weights; needs torch, transformers and gguf.

transformers can read some GGUF files itself; this is written from the formats' own conventions instead, so that the
oracle does not depend on that code:
- architecture `llama` stores the rows of q and k permuted for RoPE on adjacent pairs (llama.cpp's converter does it),
  transformers rotates halves: the permutation is undone here;
- Gemma's norm weights have the +1 added in GGUF, transformers adds it at run time: it is subtracted here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

Array = NDArray[np.float32]

LAYER_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
LLAMA_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
GEMMA3_NORMS = {
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
}
GEMMA3_GLOBAL_EVERY = 6
GEMMA3_LOCAL_ROPE_BASE = 10000.0


def read_fields(reader: gguf.GGUFReader) -> dict[str, Any]:
    """The metadata without its arrays (the vocabulary is not needed)."""
    return {
        key: field.contents() for key, field in reader.fields.items() if field.types[:1] != [gguf.GGUFValueType.ARRAY]
    }


def read_tensors(reader: gguf.GGUFReader) -> dict[str, Array]:
    """Every tensor dequantised to float32, outermost dimension first."""
    tensors = {}
    for tensor in reader.tensors:
        shape = tensor.shape[::-1].tolist()
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        tensors[tensor.name] = np.array(values, dtype=np.float32).reshape(shape)
    return tensors


def unpermute(rows: Array, n_heads: int) -> Array:
    """Adjacent-pair order (x0 y0 x1 y1 ..) of each head's rows back to halves (x0 x1 .. y0 y1 ..)."""
    head_dim = rows.shape[0] // n_heads
    pairs = rows.reshape(n_heads, head_dim // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows.shape)


def common_config(fields: dict[str, Any], tensors: dict[str, Array], architecture: str) -> dict[str, Any]:
    def value(key: str) -> Any:
        return fields[f"{architecture}.{key}"]

    vocab, width = tensors["token_embd.weight"].shape
    heads = value("attention.head_count")
    return {
        "vocab_size": vocab,
        "hidden_size": width,
        "intermediate_size": value("feed_forward_length"),
        "num_hidden_layers": value("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get(f"{architecture}.attention.head_count_kv", heads),
        "head_dim": fields.get(f"{architecture}.attention.key_length", width // heads),
        "rms_norm_eps": value("attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": value("context_length"),
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": "blk.0.attn_q.bias" in tensors,
        "pad_token_id": None,
        "attn_implementation": "eager",
    }


def llama_config(fields: dict[str, Any], tensors: dict[str, Array]) -> LlamaConfig:
    rope = {"rope_type": "default", "rope_theta": fields.get("llama.rope.freq_base", 10000.0)}
    mlp_bias = "blk.0.ffn_down.bias" in tensors
    return LlamaConfig(**common_config(fields, tensors, "llama"), rope_parameters=rope, mlp_bias=mlp_bias)


def gemma3_config(fields: dict[str, Any], tensors: dict[str, Array]) -> Gemma3TextConfig:
    common = common_config(fields, tensors, "gemma3")
    rope = {
        "full_attention": {"rope_type": "default", "rope_theta": fields.get("gemma3.rope.freq_base", 1e6)},
        "sliding_attention": {"rope_type": "default", "rope_theta": GEMMA3_LOCAL_ROPE_BASE},
    }
    layers = [
        "full_attention" if layer % GEMMA3_GLOBAL_EVERY == GEMMA3_GLOBAL_EVERY - 1 else "sliding_attention"
        for layer in range(common["num_hidden_layers"])
    ]
    return Gemma3TextConfig(
        **common,
        rope_parameters=rope,
        layer_types=layers,
        sliding_window=fields["gemma3.attention.sliding_window"],
        query_pre_attn_scalar=common["head_dim"],
        hidden_activation="gelu_pytorch_tanh",
    )


def state_dict(tensors: dict[str, Array], config: Any, *, gemma: bool) -> dict[str, torch.Tensor]:
    """GGUF's names and conventions to transformers'."""
    norms = GEMMA3_NORMS if gemma else LLAMA_NORMS
    offset = np.float32(1.0 if gemma else 0.0)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    state: dict[str, Array] = {}
    for name, values in tensors.items():
        parts = name.split(".")
        if name == "token_embd.weight":
            state["model.embed_tokens.weight"] = values
        elif name == "output.weight":
            state["lm_head.weight"] = values
        elif name == "output_norm.weight":
            state["model.norm.weight"] = values - offset
        elif parts[0] == "blk" and parts[2] in norms:
            state[f"model.layers.{parts[1]}.{norms[parts[2]]}.weight"] = values - offset
        elif parts[0] == "blk" and parts[2] in LAYER_NAMES:
            if not gemma and parts[2] in heads:
                values = unpermute(values, heads[parts[2]])
            state[f"model.layers.{parts[1]}.{LAYER_NAMES[parts[2]]}.{parts[3]}"] = values
        else:
            raise ValueError(f"no place in transformers for the tensor {name!r}")
    if "lm_head.weight" not in state:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    return {name: torch.from_numpy(values) for name, values in state.items()}


def load(path: Path) -> torch.nn.Module:
    """The model in float32 with eager attention, every weight taken from the file and none left over."""
    reader = gguf.GGUFReader(path)
    fields = read_fields(reader)
    tensors = read_tensors(reader)
    gemma = fields["general.architecture"] == "gemma3"
    config = gemma3_config(fields, tensors) if gemma else llama_config(fields, tensors)
    model = (Gemma3ForCausalLM if gemma else LlamaForCausalLM)(config).float()
    model.load_state_dict(state_dict(tensors, config, gemma=gemma), strict=True)
    return model.eval()
