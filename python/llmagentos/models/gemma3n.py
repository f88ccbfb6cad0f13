"""Gemma 3n, text (Gemma Team, 2025).

Its residual stream has several parts (altup.py). Beside attention is a low-rank residual (LAuReL; Menghani et al.,
2024), every layer gets an embedding of its own, MLPs of the first layers keep their largest activations only, and the
last layers read the keys and values of earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from llmagentos._core.graph import Graph, RopeParams
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.altup import CORRECT_SCALE, AltUp
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_gemma3n import (
    GLOBAL_EVERY,
    LOCAL_ROPE_BASE,
    OTHER_SENSES,
    TENSORS,
    deviations_of,
    text_metadata,
    whole_metadata,
)
from llmagentos.models.parts import Parts
from llmagentos.models.rope import rope_params
from llmagentos.models.windows import layer_windows

_T = TypeVar("_T", int, float)
# What llama.cpp takes for granted: layers with keys of their own, and layers whose MLPs are sparse.
_OWN_KEYS, _SPARSE = 20, 10
_HALF = 0.5**0.5
_MOST = 2**16  # elements that a layer's own embedding has; those of all layers are counted in 32 bits


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    meta, n_layers = checkpoint.metadata, checkpoint.n_layers
    hidden = _of_layers(checkpoint, "feed_forward_length", meta.integers)
    parts = Parts(checkpoint, g, head_dim=256, hidden=hidden[0] if hidden else None)
    deviations = _of_layers(checkpoint, "activation_sparsity_scale", meta.numbers)
    deviations = deviations or [deviations_of(0.95 if i < _SPARSE else 0.0) for i in range(n_layers)]
    windows, n_own = layer_windows(parts, GLOBAL_EVERY), _n_with_keys(checkpoint)
    base = meta.number("rope.freq_base_swa", LOCAL_ROPE_BASE)
    ropes = rope_params(checkpoint, parts.head_dim), rope_params(checkpoint, parts.head_dim, base=base)
    bound = meta.number("final_logit_softcapping", 30.0, low=0)

    stream, embedded = AltUp(parts), g.scale(parts.embed(), parts.width**0.5)
    inputs, size = _layers_inputs(parts, embedded)
    x = stream.widened(embedded)
    for i in range(n_layers):
        block, rope = f"blk.{i}.", ropes[bool(windows[i])]
        predicted = stream.predicted(x, block)
        active = stream.active_part(predicted)
        h = parts.norm(active, block + "attn_norm")
        low_rank = parts.linear(h, block + "laurel_l", parts.n_rows(block + "laurel_l.weight"))
        low_rank = parts.norm(parts.linear(low_rank, block + "laurel_r", parts.width), block + "laurel_post_norm")
        a = _attention(parts, h, i, rope, windows[i], i if i < n_own else _keys_of(checkpoint, windows, n_own, i))
        y = g.add(active, parts.norm(a, block + "post_attention_norm"))
        y = g.scale(g.add(y, g.add(h, low_rank)), _HALF)
        f = _mlp(parts, parts.norm(y, block + "ffn_norm"), i, hidden[i] if hidden else parts.hidden, deviations[i])
        x = stream.corrected(predicted, g.add(y, parts.norm(f, block + "post_ffw_norm")), block)
        x = stream.injected(x, g.slice_heads(inputs, n_heads=1, first=i * size, n=size, size=size), size, block)
    g.set_output(parts.logits(stream.merged(x), bound=bound))


def _layers_inputs(parts: Parts, embedded: int) -> tuple[int, int]:
    """The embeddings that layers have of their own, one after the other in one value, and the size of one."""
    g, table = parts.g, "per_layer_token_embd.weight"
    size = parts.meta.integer("embedding_length_per_layer_input", 256, high=_MOST)
    width = parts.n_layers * size
    found = g.scale(g.embed(table, parts.n_rows(table), width, others_first=True), size**0.5)
    made = g.scale(parts.linear(embedded, "per_layer_model_proj", width), parts.width**-0.5)
    return g.scale(g.add(parts.norm(made, "per_layer_proj_norm", size), found), _HALF), size


def _attention(parts: Parts, h: int, layer: int, rope: RopeParams, window: int, keys_of: int) -> int:
    """Attention to a layer's keys and values, which are normalised, the latter without a weight."""
    g, block, size = parts.g, f"blk.{layer}.", parts.head_dim
    q = parts.norm(parts.linear(h, block + "attn_q", parts.n_heads * size), block + "attn_q_norm", size)
    k = v = None
    if keys_of == layer:
        k = parts.norm(parts.linear(h, block + "attn_k", parts.n_kv_heads * size), block + "attn_k_norm", size)
        k, v = g.rope(k, size, rope), parts.linear(h, block + "attn_v", parts.n_kv_heads * size)
        v = g.rms_norm(v, "", parts.meta.number("attention.layer_norm_rms_epsilon"), size)
    a = g.attention(
        g.rope(q, size, rope),
        k,
        v,
        layer=keys_of,
        n_heads=parts.n_heads,
        n_kv_heads=parts.n_kv_heads,
        head_dim=size,
        scale=1.0,
        window=window,
    )
    return parts.linear(a, block + "attn_output", parts.width)


def _mlp(parts: Parts, h: int, layer: int, hidden: int, deviations: float) -> int:
    """A gated MLP, whose gate is what exceeds its mean by so many standard deviations, unless they are -infinity."""
    g, block = parts.g, f"blk.{layer}."
    gate, up = parts.linear(h, block + "ffn_gate", hidden), parts.linear(h, block + "ffn_up", hidden)
    if deviations > -math.inf:
        gate = g.excess(gate, deviations)
    return parts.linear(g.glu(gate, up, "gelu_tanh"), block + "ffn_down", parts.width)


def _n_with_keys(checkpoint: Checkpoint) -> int:
    """The number of layers, the first ones, with keys and values of their own."""
    n_layers = checkpoint.n_layers
    usual = max(0, n_layers - _OWN_KEYS)
    return n_layers - checkpoint.metadata.integer("attention.shared_kv_layers", usual, low=0, high=n_layers)


def _keys_of(checkpoint: Checkpoint, windows: Sequence[int], n_own: int, layer: int) -> int:
    """Whose keys and values a layer without some reads: those of the last one of its kind."""
    for i in reversed(range(n_own)):
        if windows[i] == windows[layer]:
            return i
    raise UnsupportedModelError(f"{checkpoint.path}: no layer before layer {layer} has keys that it could share")


def _of_layers(checkpoint: Checkpoint, key: str, read: Callable[[str], list[_T] | None]) -> list[_T]:
    """Values that a key has for each layer; none where it has a single one, or there is none."""
    values = read(key) if checkpoint.metadata.is_array(key) else None
    if values is not None and (len(values) < checkpoint.n_layers or not all(value < math.inf for value in values)):
        raise UnsupportedModelError(f"{checkpoint.path}: {key}={values!r} is not of {checkpoint.n_layers} layers")
    return values or []


def _left_out(checkpoint: Checkpoint) -> set[str]:
    """What files have of layers that read the keys of others all the same, and scales that are not to be used."""
    n_layers = checkpoint.n_layers
    names = {
        f"blk.{i}.attn_{part}"
        for i in range(_n_with_keys(checkpoint), n_layers)
        for part in ("k.weight", "k.bias", "v.weight", "v.bias", "k_norm.weight")
    }
    if checkpoint.metadata.flag(CORRECT_SCALE, True):
        return names
    return names | {f"blk.{i}.altup_correct_scale.weight" for i in range(n_layers)}


FAMILY = Family(
    build,
    gguf=("gemma3n",),
    head_norms=("gemma3n",),
    hf={
        "Gemma3nForCausalLM": HfForm("gemma3n", text_metadata, TENSORS, is_tied=True),
        "Gemma3nForConditionalGeneration": HfForm(
            "gemma3n", whole_metadata, TENSORS, is_tied=True, prefix="language_model.", unused=OTHER_SENSES
        ),
    },
    left_out=_left_out,
)
