"""Llama 4 (Meta, 2025), its text part: most layers see chunks of a text, the others all of it without positions."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.experts import feed_forward
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_experts import ExpertRows, all_rows, experts_metadata, first_half, second_half
from llmagentos.models.hf_metadata import DECODER_TENSORS, decoder_metadata
from llmagentos.models.hf_rope import rope_metadata
from llmagentos.models.hf_tensors import TensorRule
from llmagentos.models.layers import norms_before
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows

_INTERVAL = 4  # of the layers without positions
_CHUNK = _PERIOD = 8192
_SLOPE = 0.1
_WITHOUT_HEAD_NORMS = 128  # experts of the model whose heads are not normalised
# Keys that llama.cpp's files do not have: there they are as above.
_ROTATES, _HEAD_NORMS, _TUNES = "rope.layers", "attention.head_norms", "attention.temperature_tuning"


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    meta = parts.meta
    if meta.string("rope.scaling.type", "none") not in ("none", "linear"):
        raise UnsupportedModelError(f"{checkpoint.path}: this architecture's RoPE cannot be scaled so")
    rope = rope_params(checkpoint, parts.head_dim, pairs="adjacent")
    # A window that is zero says that all layers are alike.
    chunks = layer_windows(parts, _INTERVAL, default_window=_CHUNK)
    rotates = meta.integers(_ROTATES) or (_every_but(_INTERVAL, parts.n_layers) if any(chunks) else [1] * len(chunks))
    if len(rotates) < parts.n_layers:
        raise UnsupportedModelError(f"{checkpoint.path}: {_ROTATES} has {len(rotates)} elements, too few")
    has_head_norms = meta.flag(_HEAD_NORMS, meta.integer("expert_count", 0, low=0) != _WITHOUT_HEAD_NORMS)
    query_scale = (
        meta.integer("attention.temperature_length", _PERIOD),
        meta.number("attention.temperature_scale", _SLOPE),
        1,
    )
    tunes = meta.flag(_TUNES, True)
    meta.integer("interleave_moe_layer_step", 1)  # which layers have experts: the tensors say

    def attend(h: int, i: int) -> int:
        if not rotates[i]:
            return parts.attention(h, i, chunk=chunks[i], query_scale=query_scale if tunes else None)
        # The model rotates first, which changes no length.
        return parts.attention(h, i, rope=rope, chunk=chunks[i], is_normalised=has_head_norms)

    x = norms_before(parts, parts.embed(), attend, lambda h, i: feed_forward(parts, h, i, weighs_inputs=True))
    g.set_output(parts.logits(x))


def _every_but(interval: int, n_layers: int) -> list[int]:
    return [int((i + 1) % interval != 0) for i in range(n_layers)]


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("moe_layers", "for_llm_compressor")  # which layers have experts: the tensors say
    made = decoder_metadata(config, has_rope=False, eps=1e-5)
    n_layers = made["block_count"]
    made |= rope_metadata(config, made["attention.key_length"], default_base=500000.0) | experts_metadata(config)
    made |= {
        "feed_forward_length": config.integer("intermediate_size_mlp", low=1),
        "expert_feed_forward_length": made["feed_forward_length"],
        "interleave_moe_layer_step": config.integer("interleave_moe_layer_step", 1, low=1),
    }
    interval = config.integer("no_rope_layer_interval", _INTERVAL, low=1)
    rotates = config.integers("no_rope_layers", None) or _every_but(interval, n_layers)  # 1 where a layer does
    config.assume("attention_chunk_size", 8192, unless_null=True)
    chunk = config.integer("attention_chunk_size", None, low=1)
    return made | _chunks(config, chunk, rotates[:n_layers]) | _head_norms(config, made) | _temperature(config)


def _chunks(config: HfConfig, chunk: int | None, rotates: list[int]) -> dict[str, Any]:
    """Which layers see chunks and which have positions; what llama.cpp takes for granted is left out."""
    usual = _every_but(_INTERVAL, len(rotates))
    kinds = config.strings("layer_types", None)
    if kinds is not None and not {"chunked_attention", "full_attention"} >= set(kinds):
        raise UnsupportedModelError(f"{config.path}: layer_types={kinds!r} is not supported for this model")
    sees_chunks = rotates if kinds is None else [int(kind == "chunked_attention") for kind in kinds]
    if chunk is None and any(sees_chunks) and kinds is not None:
        raise UnsupportedModelError(f"{config.path}: layers of chunked_attention without attention_chunk_size")
    made: dict[str, Any] = {"attention.sliding_window": chunk or 0}
    if chunk is not None and sees_chunks != usual:
        made["attention.sliding_window_pattern"] = sees_chunks
    return made if chunk is not None and rotates == usual else made | {_ROTATES: rotates}


def _head_norms(config: HfConfig, made: dict[str, Any]) -> dict[str, Any]:
    has = config.flag("use_qk_norm", True)
    return {} if has == (made["expert_count"] != _WITHOUT_HEAD_NORMS) else {_HEAD_NORMS: has}


def _temperature(config: HfConfig) -> dict[str, Any]:
    """Where it is not as llama.cpp takes it. The first files have a number in place of the flag."""
    tunes = config.choice("attn_temperature_tuning", {True: True, False: False, 4: True}, True)
    period, slope = config.integer("floor_scale", _PERIOD, low=1), config.number("attn_scale", _SLOPE, low=0)
    if not tunes or slope == 0:
        return {_TUNES: False}
    usual = {"attention.temperature_length": _PERIOD, "attention.temperature_scale": _SLOPE}
    given = {"attention.temperature_length": period, "attention.temperature_scale": slope}
    return {} if given == usual else given


def _whole_metadata(config: HfConfig) -> dict[str, Any]:
    """Of a model that sees pictures, too: what its text part is."""
    config.ignore("vision_config", "image_token_index", "boi_token_index", "eoi_token_index")
    text = HfConfig(config.path, config.object("text_config"))
    made = _metadata(text)
    config.assume("tie_word_embeddings", text.flag("tie_word_embeddings", False))
    text.check_all_read()
    return made


_LAYER = "model.layers.{i}."
_FEED = _LAYER + "feed_forward."
_TENSORS: dict[str, TensorRule] = {
    **DECODER_TENSORS,
    "blk.{i}.ffn_gate_inp.weight": _FEED + "router.weight",
    "blk.{i}.ffn_gate_exps.weight": ExpertRows(_FEED + "experts.gate_up_proj", first_half, is_turned=True),
    "blk.{i}.ffn_up_exps.weight": ExpertRows(_FEED + "experts.gate_up_proj", second_half, is_turned=True),
    "blk.{i}.ffn_down_exps.weight": ExpertRows(_FEED + "experts.down_proj", all_rows, is_turned=True),
    **{f"blk.{{i}}.ffn_{part}.weight": f"{_FEED}{part}_proj.weight" for part in ("gate", "up", "down")},
    **{
        f"blk.{{i}}.ffn_{part}_shexp.weight": f"{_FEED}shared_expert.{part}_proj.weight"
        for part in ("gate", "up", "down")
    },
}

FAMILY = Family(
    build,
    gguf=("llama4",),
    hf={
        "Llama4ForCausalLM": HfForm("llama4", _metadata, _TENSORS),
        "Llama4ForConditionalGeneration": HfForm(
            "llama4",
            _whole_metadata,
            _TENSORS,
            prefix="language_model.",
            unused=("vision_model.", "multi_modal_projector."),
        ),
    },
)
