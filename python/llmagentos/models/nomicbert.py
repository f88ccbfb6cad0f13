"""Nomic BERT (Nussbaum et al., 2024): BERT's norms after each residual, rotary positions, SwiGLU, no biases."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import GPT2_FIELDS, encoder_metadata, sizes_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import contiguous_qkv, fused_qkv, with_biases
from llmagentos.models.layers import norms_after
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params

_ROPE_BASE = 1000.0
_TRAINED_LENGTH = 2048  # whatever the positions say beyond


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    parts.check_bidirectional()
    activation = parts.activation_named("hidden_activation", "silu")
    rope = rope_params(checkpoint, parts.head_dim)

    x = parts.norm(parts.embed_with_types(), "token_embd_norm")
    x = norms_after(
        parts,
        x,
        lambda h, i: parts.attention(h, i, rope=rope, causal=False),
        lambda h, i: parts.gated_mlp(h, i, activation),
    )
    g.set_output(parts.pooled(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("type_vocab_size")  # the tensor says
    if "n_embd" in config:
        return _older_metadata(config)
    made = encoder_metadata(config, activation="silu")
    size = config.integer("head_dim", made["embedding_length"] // made["attention.head_count"], low=1)
    return made | {"attention.key_length": size} | rope_metadata(config, size, _ROPE_BASE)


def _older_metadata(config: HfConfig) -> dict[str, Any]:
    """As Nomic wrote it before transformers had the class."""
    for name in ("qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias"):
        config.expect(name, False)
    for name in ("prenorm", "causal", "use_rms_norm", "parallel_block"):
        config.expect(name, False)
    for name in ("rotary_scaling_factor", "rotary_emb_scale_base"):
        config.expect(name, None)
    config.expect("activation_function", "swiglu")
    config.expect("rotary_emb_fraction", 1.0)
    config.expect("rotary_emb_interleaved", False)
    config.expect("scale_attn_weights", True)
    config.expect("scale_attn_by_inverse_layer_idx", False)
    config.ignore("max_trained_positions", "reorder_and_upcast_attn")
    config.ignore("fused_bias_fc", "fused_dropout_add_ln", "use_flash_attn", "use_xentropy", "pad_vocab_size_multiple")
    config.ignore("parallel_block_tied_norm", "last_layer_subset", "dense_seq_output", "residual_in_fp32")
    made = sizes_metadata(config, GPT2_FIELDS, eps=1e-12, is_four_times=True)
    return made | {
        "context_length": min(made["context_length"], _TRAINED_LENGTH),
        "attention.causal": False,
        "rope.freq_base": config.number("rotary_emb_base", _ROPE_BASE),
    }


_LAYER = "encoder.layers.{i}."
_TENSORS = {
    "token_embd.weight": "embeddings.word_embeddings.weight",
    "token_types.weight": "embeddings.token_type_embeddings.weight",
    **fused_qkv(_LAYER + "attn.Wqkv", contiguous_qkv),
    **with_biases(
        {
            "token_embd_norm": "emb_ln",
            "blk.{i}.attn_output": _LAYER + "attn.out_proj",
            "blk.{i}.attn_output_norm": _LAYER + "norm1",
            "blk.{i}.ffn_up": _LAYER + "mlp.fc11",
            "blk.{i}.ffn_gate": _LAYER + "mlp.fc12",
            "blk.{i}.ffn_down": _LAYER + "mlp.fc2",
            "blk.{i}.layer_output_norm": _LAYER + "norm2",
        }
    ),
}

FAMILY = Family(
    build,
    gguf=("nomic-bert",),
    hf={"NomicBertModel": HfForm("nomic-bert", _metadata, _TENSORS, unused=("pooler.",))},
    is_encoder=True,
)
