"""ModernBERT (Warner et al., 2024): an encoder with norms before, rotary positions, GeGLU, windows in most layers."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import ACTIVATIONS, SizeFields, activation_metadata, sizes_metadata, window_metadata
from llmagentos.models.hf_rope import two_ropes_metadata
from llmagentos.models.hf_tensors import TensorRule, contiguous_qkv, fused_gate_up, fused_qkv, with_biases
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows

_GLOBAL_EVERY = 3
_GLOBAL_BASE, _LOCAL_BASE = 160000.0, 10000.0


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    parts.check_bidirectional()
    activation = parts.activation_named("hidden_activation", "gelu")
    global_rope = rope_params(checkpoint, parts.head_dim)
    local_rope = rope_params(checkpoint, parts.head_dim, base=parts.meta.number("rope.freq_base_swa", _LOCAL_BASE))

    x = parts.norm(parts.embed(), "token_embd_norm")
    for i, window in enumerate(layer_windows(parts, _GLOBAL_EVERY, global_first=True)):
        h = parts.norm(x, f"blk.{i}.attn_norm") if parts.has(f"blk.{i}.attn_norm.weight") else x
        rope = local_rope if window else global_rope
        # A window says how many tokens it has on both sides together.
        x = g.add(x, parts.attention(h, i, rope=rope, window=window // 2 + 1 if window else 0, causal=False))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.gated_mlp(h, i, activation))
    g.set_output(parts.pooled(parts.norm(x, "output_norm"), classifier_activation="gelu"))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("norm_bias", "attention_bias", "mlp_bias", "decoder_bias", "classifier_bias")  # the tensors say
    config.ignore("mlp_dropout", "deterministic_flash_attn", "reference_compile", "repad_logits_with_grad")
    config.ignore("sparse_prediction", "sparse_pred_ignore_index", "cls_token_id", "classifier_pooling")
    config.ignore("classifier_activation", "layer_norm_eps")  # the norms' is norm_eps
    config.expect("position_embedding_type", "absolute", "sans_pos")
    config.assume("local_attention", 128, unless_null=True)
    made = sizes_metadata(config, SizeFields(eps="norm_eps"))
    head_dim = made["embedding_length"] // made["attention.head_count"]
    older_bases = config.number("global_rope_theta", _GLOBAL_BASE), config.number("local_rope_theta", _LOCAL_BASE)
    every = config.integer("global_attn_every_n_layers", _GLOBAL_EVERY, low=1)
    return made | {
        "attention.causal": False,
        **window_metadata(config, [i % every > 0 for i in range(made["block_count"])], "local_attention"),
        **two_ropes_metadata(config, head_dim, *older_bases),
        **activation_metadata(config, "hidden_activation", "gelu"),
    }


def _classifier(config: HfConfig) -> dict[str, Any]:
    made = classifier_metadata(config, activation=config.choice("classifier_activation", ACTIVATIONS, "gelu"))
    return _metadata(config) | made | {"classifier.pooling": config.string("classifier_pooling", "cls")}


def _tensors(prefix: str, classifier: dict[str, str]) -> dict[str, TensorRule]:
    layer = prefix + "layers.{i}."
    return {
        "token_embd.weight": prefix + "embeddings.tok_embeddings.weight",
        **fused_qkv(layer + "attn.Wqkv", contiguous_qkv),
        **fused_gate_up(layer + "mlp.Wi"),
        **with_biases(
            {
                "token_embd_norm": prefix + "embeddings.norm",
                "blk.{i}.attn_norm": layer + "attn_norm",
                "blk.{i}.attn_output": layer + "attn.Wo",
                "blk.{i}.ffn_norm": layer + "mlp_norm",
                "blk.{i}.ffn_down": layer + "mlp.Wo",
                "output_norm": prefix + "final_norm",
                **classifier,
            }
        ),
    }


FAMILY = Family(
    build,
    gguf=("modern-bert",),
    hf={
        "ModernBertModel": HfForm("modern-bert", _metadata, _tensors("", {})),
        "ModernBertForMaskedLM": HfForm("modern-bert", _metadata, _tensors("model.", {}), unused=("head.", "decoder.")),
        "ModernBertForSequenceClassification": HfForm(
            "modern-bert",
            _classifier,
            _tensors("model.", {"cls": "head.dense", "cls.norm": "head.norm", "cls.output": "classifier"}),
        ),
    },
    is_encoder=True,
)
