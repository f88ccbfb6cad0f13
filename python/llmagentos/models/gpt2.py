"""GPT-2 (Radford et al., 2019): learned positions, layer norms with biases, a plain MLP."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import GPT2_FIELDS, sizes_metadata
from llmagentos.models.hf_tensors import Transposed, contiguous_qkv, fused_qkv, with_biases
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Activation, Parts
from llmagentos.models.windows import layer_windows


def build(
    checkpoint: Checkpoint, g: Graph, *, usual_activation: Activation = "gelu_tanh", scale: float | None = None
) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names.

    Args:
        usual_activation: where the checkpoint names none.
        scale: of the scores; None for 1 / sqrt(head_dim).
    """
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", usual_activation)
    windows = layer_windows(parts)

    x = norms_before(
        parts,
        g.add(parts.embed(), parts.embed_positions()),
        lambda h, i: parts.attention(h, i, scale=scale, window=windows[i]),
        lambda h, i: parts.mlp(h, i, activation),
    )
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("activation_function", "gelu_new", "gelu_pytorch_tanh")
    config.expect("scale_attn_weights", True)
    config.expect("scale_attn_by_inverse_layer_idx", False)
    config.expect("add_cross_attention", False)
    config.ignore("reorder_and_upcast_attn", "n_ctx")
    return sizes_metadata(config, GPT2_FIELDS, is_four_times=True)


LAYER = "transformer.h.{i}."
# What GPT-2's kin have under the same names.
SHARED_TENSORS = {
    "token_embd.weight": "transformer.wte.weight",
    "position_embd.weight": "transformer.wpe.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {"output_norm": "transformer.ln_f", "blk.{i}.attn_norm": LAYER + "ln_1", "blk.{i}.ffn_norm": LAYER + "ln_2"}
    ),
}
MLP_TENSORS = with_biases({"blk.{i}.ffn_up": LAYER + "mlp.c_fc", "blk.{i}.ffn_down": LAYER + "mlp.c_proj"})
_TENSORS = {
    **SHARED_TENSORS,
    **MLP_TENSORS,
    **fused_qkv(LAYER + "attn.c_attn", contiguous_qkv, Transposed),
    "blk.{i}.attn_output.weight": Transposed(LAYER + "attn.c_proj.weight"),
    "blk.{i}.attn_output.bias": LAYER + "attn.c_proj.bias",
    "blk.{i}.ffn_up.weight": Transposed(LAYER + "mlp.c_fc.weight"),
    "blk.{i}.ffn_down.weight": Transposed(LAYER + "mlp.c_proj.weight"),
}

FAMILY = Family(
    build,
    gguf=("gpt2",),
    hf={"GPT2LMHeadModel": HfForm("gpt2", _metadata, _TENSORS, is_tied=True, prefix="transformer.")},
)
