"""GPT-2 (Radford et al., 2019): learned positions, layer norms with biases, a plain MLP."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_tensors import Rows, Transposed, part_of, qkv_sizes
from llmagentos.models.parts import Parts


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    x = g.add(parts.embed(), parts.embed_positions())
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = g.add(x, parts.attention(h, i))
        h = parts.norm(x, f"blk.{i}.ffn_norm")
        x = g.add(x, parts.mlp(h, i, "gelu_tanh"))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("activation_function", "gelu_new", "gelu_pytorch_tanh")
    config.expect("scale_attn_weights", True)
    config.expect("scale_attn_by_inverse_layer_idx", False)
    config.expect("add_cross_attention", False)
    config.ignore("reorder_and_upcast_attn", "n_ctx", *(name for name in config.names() if name.startswith("summary_")))
    width = config.integer("n_embd")
    return {
        "context_length": config.integer("n_positions"),
        "embedding_length": width,
        "block_count": config.integer("n_layer"),
        "feed_forward_length": config.integer("n_inner", 4 * width),
        "attention.head_count": config.integer("n_head", low=1),
        "attention.layer_norm_epsilon": config.number("layer_norm_epsilon", 1e-5),
        "vocab_size": config.integer("vocab_size"),
    }


def _qkv(kind: str, rule: type[Rows | Transposed]) -> dict[str, Rows | Transposed]:
    source = f"transformer.h.{{i}}.attn.c_attn.{kind}"
    return {f"blk.{{i}}.attn_{name}.{kind}": rule(source, part_of(qkv_sizes, n)) for n, name in enumerate("qkv")}


_LAYER = "transformer.h.{i}."
_TENSORS = {
    "token_embd.weight": "transformer.wte.weight",
    "position_embd.weight": "transformer.wpe.weight",
    "output_norm.weight": "transformer.ln_f.weight",
    "output_norm.bias": "transformer.ln_f.bias",
    "output.weight": "lm_head.weight",
    "blk.{i}.attn_norm.weight": _LAYER + "ln_1.weight",
    "blk.{i}.attn_norm.bias": _LAYER + "ln_1.bias",
    **_qkv("weight", Transposed),
    **_qkv("bias", Rows),
    "blk.{i}.attn_output.weight": Transposed(_LAYER + "attn.c_proj.weight"),
    "blk.{i}.attn_output.bias": _LAYER + "attn.c_proj.bias",
    "blk.{i}.ffn_norm.weight": _LAYER + "ln_2.weight",
    "blk.{i}.ffn_norm.bias": _LAYER + "ln_2.bias",
    "blk.{i}.ffn_up.weight": Transposed(_LAYER + "mlp.c_fc.weight"),
    "blk.{i}.ffn_up.bias": _LAYER + "mlp.c_fc.bias",
    "blk.{i}.ffn_down.weight": Transposed(_LAYER + "mlp.c_proj.weight"),
    "blk.{i}.ffn_down.bias": _LAYER + "mlp.c_proj.bias",
}

FAMILY = Family(build, gguf=("gpt2",), hf={"GPT2LMHeadModel": HfForm("gpt2", _metadata, _TENSORS, is_tied=True)})
