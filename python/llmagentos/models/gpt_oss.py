"""gpt-oss (OpenAI, 2025): experts with biases and a bounded gate, attention sinks, windows in every other layer."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import experts
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import ExpertRows, Mxfp4Rows, RowsOf, all_rows, even_rows, experts_metadata, odd_rows
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata, window_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import TensorRule
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows

_LIMIT = 7.0  # of gate and up


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    rope = rope_params(checkpoint, parts.head_dim, yarn_truncates=False)
    windows = layer_windows(parts, default_every=2)

    x = parts.embed()
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        a = parts.attention(h, i, rope=rope, window=windows[i], sinks=f"blk.{i}.attn_sinks.weight")
        x = g.add(x, a)
        h = parts.norm(x, f"blk.{i}.post_attention_norm")
        # (up + 1) * gate * sigmoid(1.702 * gate)
        x = g.add(x, experts(parts, h, i, activation="gelu_sigmoid", limit=_LIMIT, up_shift=1.0))
    g.set_output(parts.logits(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("swiglu_alpha", 1.702)
    config.expect("swiglu_limit", _LIMIT)
    config.ignore("experts_per_token", "initial_context_length")  # other fields say the same
    quantization = config.get("quantization_config", {"quant_method": "mxfp4"})
    if not isinstance(quantization, dict) or quantization.get("quant_method") != "mxfp4":
        raise UnsupportedModelError(f"{config.path}: quantization_config={quantization!r} is not supported")
    config.assume("sliding_window", 128, unless_null=True)
    made = decoder_metadata(config, has_rope=False, eps=1e-5)
    return (
        made
        | rope_metadata(config, made["attention.key_length"], default_base=150000.0)
        | window_metadata(config, [i % 2 == 0 for i in range(made["block_count"])])
        | experts_metadata(config)
        | {"expert_feed_forward_length": made["feed_forward_length"]}
    )


def _experts(name: str, part: str, rows: RowsOf) -> dict[str, TensorRule]:
    source = f"model.layers.{{i}}.mlp.experts.{part}"
    return {
        f"blk.{{i}}.{name}.weight": (Mxfp4Rows(source, rows), ExpertRows(source, rows, is_turned=True)),
        f"blk.{{i}}.{name}.bias": ExpertRows(f"{source}_bias", rows),
    }


_LAYER = "model.layers.{i}."
_TENSORS: dict[str, TensorRule] = {
    **{target: source for target, source in DECODER_TENSORS.items() if ".ffn_" not in target},
    "blk.{i}.attn_sinks.weight": _LAYER + "self_attn.sinks",
    "blk.{i}.post_attention_norm.weight": _LAYER + "post_attention_layernorm.weight",
    "blk.{i}.ffn_gate_inp.weight": _LAYER + "mlp.router.weight",
    "blk.{i}.ffn_gate_inp.bias": _LAYER + "mlp.router.bias",
    **_experts("ffn_gate_exps", "gate_up_proj", even_rows),
    **_experts("ffn_up_exps", "gate_up_proj", odd_rows),
    **_experts("ffn_down_exps", "down_proj", all_rows),
}

FAMILY = Family(build, gguf=("gpt-oss",), hf={"GptOssForCausalLM": HfForm("gpt-oss", _metadata, _TENSORS)})
