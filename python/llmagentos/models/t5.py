"""T5 (Raffel et al., 2020), its version 1.1, Flan-T5, mT5 and UMT5: positions are learned biases of scores."""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph, RelativeBias
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_tensors import TensorRule
from llmagentos.models.parts import Parts

_MAX_DISTANCE = 128  # of all published models; files of llama.cpp do not say
_DEFAULT_CONTEXT = 512


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    meta = checkpoint.metadata
    meta.number("attention.layer_norm_epsilon", None)  # the same as attention.layer_norm_rms_epsilon
    encoder, decoder = Parts(checkpoint, g, stack="enc."), Parts(checkpoint, g, stack="dec.")
    decoder.check_decoding()

    g.begin_encoder()
    x = encoder.embed()
    for i in range(encoder.n_layers):
        x = _self_attention(encoder, x, i)
        x = _mlp(encoder, x, i)
    x = encoder.norm(x, "enc.output_norm")
    for i in range(decoder.n_layers):
        decoder.store_cross(x, i)

    g.begin_decoder()
    x = decoder.embed()
    for i in range(decoder.n_layers):
        x = _self_attention(decoder, x, i)
        h = decoder.norm(x, f"dec.blk.{i}.cross_attn_norm")
        x = g.add(x, decoder.cross_attention(h, i, scale=1.0))
        x = _mlp(decoder, x, i)
    h = decoder.norm(g.select_rows(x), "dec.output_norm")
    # Where the head is the embedding, its input is scaled, unless the file says otherwise.
    usual = 1.0 if decoder.has("output.weight") else decoder.width**-0.5
    scale = meta.number("logit_scale", usual)
    g.set_output(decoder.head(h if scale == 1.0 else g.scale(h, scale)))


def _self_attention(parts: Parts, x: int, layer: int) -> int:
    """Scores are not scaled. Layers without biases of their own have those of the first."""
    own = parts.block(layer) + "attn_rel_b.weight"
    bias = RelativeBias(
        own if parts.has(own) else parts.block(0) + "attn_rel_b.weight",
        n_buckets=parts.meta.integer("attention.relative_buckets_count"),
        max_distance=parts.meta.integer("attention.relative_max_distance", _MAX_DISTANCE),
        is_bidirectional=parts.stack == "enc.",
    )
    h = parts.norm(x, parts.block(layer) + "attn_norm")
    a = parts.attention(h, layer, scale=1.0, causal=parts.stack == "dec.", relative_bias=bias)
    return parts.g.add(x, a)


def _mlp(parts: Parts, x: int, layer: int) -> int:
    block = parts.block(layer)
    h = parts.norm(x, block + "ffn_norm")
    is_gated = parts.has(block + "ffn_gate.weight")
    return parts.g.add(x, parts.gated_mlp(h, layer, "gelu_tanh") if is_gated else parts.mlp(h, layer, "relu"))


def _metadata(config: HfConfig, scales: bool = True) -> dict[str, Any]:
    """`scales`: whether it may be that the head's input is scaled."""
    config.expect("feed_forward_proj", "relu", "gated-gelu")
    config.ignore("dense_act_fn", "is_gated_act")  # say the same again
    width, n_layers = config.integer("d_model", low=1), config.integer("num_layers")
    # Before transformers 5, whether the head was the embedding said whether its input was scaled.
    is_scaled = config.flag("scale_decoder_outputs", config.flag("tie_word_embeddings", True))
    eps = config.number("layer_norm_epsilon", 1e-6)
    return {
        "context_length": config.integer("n_positions", _DEFAULT_CONTEXT),
        "embedding_length": width,
        "feed_forward_length": config.integer("d_ff"),
        "block_count": n_layers,
        "decoder_block_count": config.integer("num_decoder_layers", n_layers),
        "attention.head_count": config.integer("num_heads"),
        "attention.key_length": config.integer("d_kv"),
        "attention.value_length": config.integer("d_kv"),
        "attention.layer_norm_rms_epsilon": eps,
        "attention.relative_buckets_count": config.integer("relative_attention_num_buckets", 32),
        "attention.relative_max_distance": config.integer("relative_attention_max_distance", _MAX_DISTANCE),
        "logit_scale": width**-0.5 if is_scaled and scales else 1.0,
        "vocab_size": config.integer("vocab_size"),
    }


def _attention(ours: str, source: str) -> dict[str, TensorRule]:
    return {f"{ours}_{part}.weight": f"{source}.{part}.weight" for part in "qkvo"}


def _mlp_of(ours: str, source: str) -> dict[str, TensorRule]:
    return {
        f"{ours}_norm.weight": source + ".layer_norm.weight",
        f"{ours}_gate.weight": source + ".DenseReluDense.wi_0.weight",
        f"{ours}_up.weight": (source + ".DenseReluDense.wi.weight", source + ".DenseReluDense.wi_1.weight"),
        f"{ours}_down.weight": source + ".DenseReluDense.wo.weight",
    }


def _stack(ours: str, source: str) -> dict[str, TensorRule]:
    layer = source + ".block.{i}.layer"
    return {
        f"{ours}.output_norm.weight": source + ".final_layer_norm.weight",
        f"{ours}.blk.{{i}}.attn_norm.weight": layer + ".0.layer_norm.weight",
        f"{ours}.blk.{{i}}.attn_rel_b.weight": layer + ".0.SelfAttention.relative_attention_bias.weight",
        **_attention(f"{ours}.blk.{{i}}.attn", layer + ".0.SelfAttention"),
    }


_DECODER_LAYER = "decoder.block.{i}.layer"
_TENSORS = {
    "token_embd.weight": ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"),
    "output.weight": "lm_head.weight",
    **_stack("enc", "encoder"),
    **_mlp_of("enc.blk.{i}.ffn", "encoder.block.{i}.layer.1"),
    **_stack("dec", "decoder"),
    "dec.blk.{i}.cross_attn_norm.weight": _DECODER_LAYER + ".1.layer_norm.weight",
    **_attention("dec.blk.{i}.cross_attn", _DECODER_LAYER + ".1.EncDecAttention"),
    **_mlp_of("dec.blk.{i}.ffn", _DECODER_LAYER + ".2"),
}
_FORM = HfForm("t5", _metadata, _TENSORS, is_tied=None)
_MT5 = HfForm("t5", lambda config: _metadata(config, scales=False), _TENSORS, is_tied=None)

FAMILY = Family(
    build,
    gguf=("t5",),
    hf={
        "T5ForConditionalGeneration": _FORM,
        "MT5ForConditionalGeneration": _MT5,
        "UMT5ForConditionalGeneration": _FORM,
    },
)
