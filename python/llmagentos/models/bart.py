"""BART (Lewis et al., 2020) and its like: mBART, Pegasus, Marian, and M2M100 with NLLB.

They differ in options: norms before or after the sublayers, learned or sinusoidal positions, a norm of the embeddings.
llama.cpp has none of them; the names of tensors and metadata follow what it has for T5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import ACTIVATIONS
from llmagentos.models.hf_tensors import Flat, Rows, TensorRule
from llmagentos.models.parts import Parts
from llmagentos.models.sinusoids import PositionTable, sinusoids, sinusoids_of_m2m100

_FIRST_POSITION = 2  # of learned ones, after rows that nothing uses
# Fields that repeat what the class is, or tell of its training, and that transformers does not read.
_SAID_BY_CLASS = (
    "add_bias_logits",
    "add_final_layer_norm",
    "extra_pos_embeddings",
    "normalize_before",
    "normalize_embedding",
    "num_hidden_layers",
    "replacing_rate",
    "static_position_embeddings",
    "student_decoder_layers",
    "student_encoder_layers",
)
_MOST_CONSTANTS = 2**25  # of the table of positions, some tens of times what any model has


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`."""
    encoder, decoder = Parts(checkpoint, g, stack="enc."), Parts(checkpoint, g, stack="dec.")
    decoder.check_decoding()

    g.begin_encoder()
    x = _embed(encoder)
    for i in range(encoder.n_layers):
        x = _sublayer(encoder, x, f"enc.blk.{i}.attn_norm", partial(encoder.attention, layer=i, causal=False))
        x = _mlp(encoder, x, i)
    x = _last_norm(encoder, x)
    for i in range(decoder.n_layers):
        decoder.store_cross(x, i)

    g.begin_decoder()
    x = _embed(decoder)
    for i in range(decoder.n_layers):
        x = _sublayer(decoder, x, f"dec.blk.{i}.attn_norm", partial(decoder.attention, layer=i))
        x = _sublayer(decoder, x, f"dec.blk.{i}.cross_attn_norm", partial(decoder.cross_attention, layer=i))
        x = _mlp(decoder, x, i)
    g.set_output(decoder.head(_last_norm(decoder, g.select_rows(x))))


def _embed(parts: Parts) -> int:
    g, scale = parts.g, parts.meta.number("embedding_scale", 1.0)
    x = parts.embed()
    x = x if scale == 1.0 else g.scale(x, scale)
    own = parts.stack + "position_embd.weight"
    x = g.add(x, parts.embed_positions(name=own if parts.has(own) else "position_embd.weight"))
    norm = parts.stack + "token_embd_norm"
    return parts.norm(x, norm) if parts.has(norm + ".weight") else x


def _sublayer(parts: Parts, x: int, norm: str, act: Callable[[int], int]) -> int:
    """x + act(x), normalised before or after."""
    if parts.meta.flag("pre_norm", default=False):
        return parts.g.add(x, act(parts.norm(x, norm)))
    return parts.norm(parts.g.add(x, act(x)), norm)


def _mlp(parts: Parts, x: int, layer: int) -> int:
    activation = parts.activation_named("feed_forward_activation")
    return _sublayer(parts, x, parts.block(layer) + "ffn_norm", lambda h: parts.mlp(h, layer, activation))


def _last_norm(parts: Parts, x: int) -> int:
    name = parts.stack + "output_norm"
    return parts.norm(x, name) if parts.has(name + ".weight") else x


def _metadata(config: HfConfig, *, is_pre_norm: bool = False, positions: PositionTable | None = None) -> dict[str, Any]:
    """Of one of them. `positions` makes a table [n, width] of constants, where they are not learned."""
    width, n_heads = config.integer("d_model", low=4), config.integer("encoder_attention_heads")
    hidden, vocab_size = config.integer("encoder_ffn_dim"), config.integer("vocab_size")
    n_positions = config.integer("max_position_embeddings")
    if positions is not None and n_positions * width > _MOST_CONSTANTS:
        message = f"max_position_embeddings={n_positions} of d_model={width} constants each"
        raise UnsupportedModelError(f"{config.path}: {message} are not supported")
    config.expect("decoder_attention_heads", n_heads)
    config.expect("decoder_ffn_dim", hidden)
    config.expect("decoder_vocab_size", vocab_size)
    config.expect("share_encoder_decoder_embeddings", True)
    config.ignore(*_SAID_BY_CLASS)
    return {
        "context_length": n_positions,
        "embedding_length": width,
        "feed_forward_length": hidden,
        "feed_forward_activation": config.choice("activation_function", ACTIVATIONS, "gelu"),
        "block_count": config.integer("encoder_layers"),
        "decoder_block_count": config.integer("decoder_layers"),
        "attention.head_count": n_heads,
        "attention.layer_norm_epsilon": 1e-5,
        "embedding_scale": width**0.5 if config.flag("scale_embedding", False) else 1.0,
        "pre_norm": is_pre_norm,
        "vocab_size": vocab_size,
        **({} if positions is None else {"position_embd": positions(n_positions, width)}),
    }


def _m2m100_metadata(config: HfConfig) -> dict[str, Any]:
    config.assume("activation_function", "relu")
    config.assume("scale_embedding", True)
    return _metadata(config, is_pre_norm=True, positions=sinusoids_of_m2m100)


def _positions(n: int, _: Any) -> slice:
    return slice(_FIRST_POSITION, n)


def _linear(ours: str, source: str) -> dict[str, TensorRule]:
    return {f"{ours}.{kind}": f"{source}.{kind}" for kind in ("weight", "bias")}


def _attention(ours: str, source: str) -> dict[str, TensorRule]:
    parts = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}
    rules: dict[str, TensorRule] = {}
    for part, name in parts.items():
        rules |= _linear(f"{ours}_{part}", f"{source}.{name}")
    return rules | _linear(f"{ours}_norm", f"{source}_layer_norm")


def _stack(ours: str, source: str) -> dict[str, TensorRule]:
    layer, block = source + ".layers.{i}.", ours + ".blk.{i}."
    return {
        f"{ours}.position_embd.weight": Rows(source + ".embed_positions.weight", _positions),
        **_linear(f"{ours}.token_embd_norm", source + ".layernorm_embedding"),
        **_linear(f"{ours}.output_norm", source + ".layer_norm"),
        **_attention(block + "attn", layer + "self_attn"),
        **_linear(block + "ffn_up", layer + "fc1"),
        **_linear(block + "ffn_down", layer + "fc2"),
        **_linear(block + "ffn_norm", layer + "final_layer_norm"),
    }


_LEARNED = {
    "token_embd.weight": (
        "model.shared.weight",
        "model.encoder.embed_tokens.weight",
        "model.decoder.embed_tokens.weight",
    ),
    "output.weight": "lm_head.weight",
    "output.bias": Flat("final_logits_bias"),
    **_stack("enc", "model.encoder"),
    **_stack("dec", "model.decoder"),
    **_attention("dec.blk.{i}.cross_attn", "model.decoder.layers.{i}.encoder_attn"),
}
_CONSTANT: dict[str, TensorRule] = {
    "position_embd.weight": ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"),
    **{name: rule for name, rule in _LEARNED.items() if "position_embd" not in name},
}


def _form(tensors: Mapping[str, TensorRule], **options: Any) -> HfForm:
    return HfForm("bart", partial(_metadata, **options), tensors, is_tied=True)


FAMILY = Family(
    build,
    gguf=("bart",),
    hf={
        "BartForConditionalGeneration": _form(_LEARNED),
        "MBartForConditionalGeneration": _form(_LEARNED, is_pre_norm=True),
        "PegasusForConditionalGeneration": _form(_CONSTANT, is_pre_norm=True, positions=sinusoids),
        "MarianMTModel": _form(_CONSTANT, positions=sinusoids),
        "M2M100ForConditionalGeneration": HfForm("bart", _m2m100_metadata, _CONSTANT, is_tied=True),
    },
)
