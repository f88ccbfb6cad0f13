"""OPT (Zhang et al., 2022): learned positions, ReLU; norms before or, in OPT-350m, after the parts they belong to."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import SizeFields, activation_metadata, sizes_metadata
from llmagentos.models.hf_tensors import Rows, with_biases
from llmagentos.models.parts import Parts

_UNUSED_POSITIONS = 2  # rows before that of the first position


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights have names in the manner of GGUF's, which has none for this family."""
    parts = Parts(checkpoint, g)
    activation = parts.activation_named("hidden_activation", "relu")
    has_post_norms = parts.meta.flag("use_post_norm", False)
    embedding_width = parts.meta.integer("token_embedding_length", parts.width)
    is_projected = embedding_width != parts.width

    x = parts.embed(width=embedding_width)
    if is_projected:
        x = parts.linear(x, "token_embd_proj", parts.width)
    x = g.add(x, parts.embed_positions())
    for i in range(parts.n_layers):
        attn_norm, ffn_norm = f"blk.{i}.attn_norm", f"blk.{i}.ffn_norm"
        if has_post_norms:
            x = parts.norm(g.add(x, parts.attention(x, i)), attn_norm)
            x = parts.norm(g.add(x, parts.mlp(x, i, activation)), ffn_norm)
        else:
            x = g.add(x, parts.attention(parts.norm(x, attn_norm), i))
            x = g.add(x, parts.mlp(parts.norm(x, ffn_norm), i, activation))
    h = parts.output_rows(x)
    if not has_post_norms:
        h = parts.norm(h, "output_norm")
    if is_projected:
        h = parts.linear(h, "output_proj", embedding_width)
    g.set_output(parts.head(h))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("_remove_final_layer_norm", False)
    config.expect("layer_norm_elementwise_affine", True)
    config.ignore("enable_bias")  # the tensors say
    made = sizes_metadata(config, SizeFields(hidden="ffn_dim", eps=None))  # the norms' is torch's default
    return made | {
        **activation_metadata(config, "activation_function", "relu"),
        "token_embedding_length": config.integer("word_embed_proj_dim", made["embedding_length"]),
        "use_post_norm": not config.flag("do_layer_norm_before", True),
    }


_LAYER = "model.decoder.layers.{i}."
_TENSORS = {
    "token_embd.weight": "model.decoder.embed_tokens.weight",
    "token_embd_proj.weight": "model.decoder.project_in.weight",
    "position_embd.weight": Rows("model.decoder.embed_positions.weight", lambda n, _: slice(_UNUSED_POSITIONS, n)),
    "output_proj.weight": "model.decoder.project_out.weight",
    "output.weight": "lm_head.weight",
    **with_biases(
        {
            "output_norm": "model.decoder.final_layer_norm",
            "blk.{i}.attn_norm": _LAYER + "self_attn_layer_norm",
            "blk.{i}.attn_q": _LAYER + "self_attn.q_proj",
            "blk.{i}.attn_k": _LAYER + "self_attn.k_proj",
            "blk.{i}.attn_v": _LAYER + "self_attn.v_proj",
            "blk.{i}.attn_output": _LAYER + "self_attn.out_proj",
            "blk.{i}.ffn_norm": _LAYER + "final_layer_norm",
            "blk.{i}.ffn_up": _LAYER + "fc1",
            "blk.{i}.ffn_down": _LAYER + "fc2",
        }
    ),
}

FAMILY = Family(
    build, gguf=("opt",), hf={"OPTForCausalLM": HfForm("opt", _metadata, _TENSORS, is_tied=True, prefix="model.")}
)
