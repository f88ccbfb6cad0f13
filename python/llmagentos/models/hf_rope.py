"""What config.json says of rotary positions, as GGUF's metadata.

In the form of transformers 5 (`rope_parameters`), or in the one before it (`rope_theta` and `rope_scaling`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.hf_config import HfConfig

_MOST_ROTATED = 2**16  # elements of a head, for each pair of which there may be a number
Made: TypeAlias = dict[str, Any]
# From a scaling's parameters, what is made so far, the context that was first trained on, and the whole one.
_Scaling: TypeAlias = Callable[[HfConfig, Made, int, int], Made]


def rope_metadata(
    config: HfConfig,
    head_dim: int,
    default_base: float = 10000.0,
    default_share: float = 1.0,
    others: Collection[str] = (),
) -> Made:
    """Of one rotation, which serves all layers.

    Args:
        default_base, default_share: the frequencies' base, and which part of a head rotates, where nothing says so.
        others: parameters that the family reads itself.

    Raises:
        UnsupportedModelError: a kind of scaling, or a parameter of one, that this build does not have.
    """
    given = config.object("rope_scaling") | config.object("rope_parameters")
    given.setdefault("partial_rotary_factor", config.number("partial_rotary_factor", default_share))
    given.setdefault("rope_theta", config.number("rope_theta", default_base))
    given = {name: value for name, value in given.items() if name not in others}
    return _metadata(config, given, head_dim, default_base)


def two_ropes_metadata(config: HfConfig, head_dim: int, default_base: float, default_local_base: float | None) -> Made:
    """Of models whose layers with windows have a rotation of their own, without a scaling.

    Args:
        default_local_base: of that rotation, where nothing says so; None for that of the others.

    Raises:
        UnsupportedModelError: as `rope_metadata`; a scaling of the layers with windows.
    """
    kinds = HfConfig(config.path, config.object("rope_parameters"))
    if "full_attention" not in kinds:
        made, local = rope_metadata(config, head_dim, default_base), HfConfig(config.path, {})
    else:
        made = _metadata(config, kinds.object("full_attention"), head_dim, default_base)
        local = HfConfig(config.path, kinds.object("sliding_attention"))
        kinds.check_all_read()
    local.expect("rope_type", "default")
    base = local.number("rope_theta", default_local_base or made["rope.freq_base"])
    local.check_all_read()
    return made | {"rope.freq_base_swa": base}


def _metadata(config: HfConfig, given: Mapping[str, Any], head_dim: int, default_base: float) -> Made:
    """What it has of factors for each pair is under "rope.factors", "rope.long_factor" and "rope.short_factor"."""
    rope = HfConfig(config.path, given)
    if head_dim > _MOST_ROTATED:
        raise UnsupportedModelError(f"{config.path}: heads of {head_dim} elements are not supported")
    kind = rope.string("rope_type", rope.string("type", "default"))
    if kind not in _SCALINGS:
        raise UnsupportedModelError(
            f"{config.path}: RoPE scaling {kind!r} is not supported; these are: {', '.join(_SCALINGS)}"
        )
    made: Made = {
        "rope.freq_base": rope.number("rope_theta", default_base, low=1e-6),
        "rope.dimension_count": int(head_dim * rope.number("partial_rotary_factor", 1.0)),
    }
    context = config.integer("max_position_embeddings", low=1)
    trained = rope.integer("original_max_position_embeddings", context, low=2)
    # An older place for it, which wins where both are there.
    trained = config.integer("original_max_position_embeddings", trained, low=2)
    made |= _SCALINGS[kind](rope, made, trained, context)
    rope.check_all_read()
    return made


def _plain(_: HfConfig, __: Made, ___: int, ____: int) -> Made:
    return {}


def _linear(rope: HfConfig, *_: Any) -> Made:
    return {"rope.scaling.type": "linear", "rope.scaling.factor": rope.number("factor")}


def _dynamic(rope: HfConfig, *_: Any) -> Made:
    """Nothing: it scales where a text is longer than the model may see, and none gets there."""
    rope.number("factor")
    return {}


def _yarn(rope: HfConfig, _: Made, trained: int, context: int) -> Made:
    factor = rope.number("factor", context / trained)
    mscale, mscale_all = rope.number("mscale", 0.0), rope.number("mscale_all_dim", 0.0)
    usual = yarn_magnitude(factor, 1.0)
    both = yarn_magnitude(factor, mscale) / yarn_magnitude(factor, mscale_all)
    magnitude = rope.number("attention_factor", both if mscale and mscale_all else usual)
    made = {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": factor,
        "rope.scaling.original_context_length": trained,
        "rope.scaling.attn_factor": magnitude / usual,  # GGUF's comes on top of the usual one
    }
    for name in ("beta_fast", "beta_slow"):
        if name in rope:
            made[f"rope.scaling.yarn_{name}"] = rope.number(name)
    return made if rope.flag("truncate", True) else made | {"rope.scaling.yarn_truncate": False}


def yarn_magnitude(factor: float, mscale: float) -> float:
    """By how much YaRN makes attention sharper where it stretches positions by a factor."""
    return 0.1 * mscale * math.log(factor) + 1.0 if factor > 1 else 1.0


def _longrope(rope: HfConfig, _: Made, trained: int, context: int) -> Made:
    factor = rope.number("factor", context / trained)
    usual = math.sqrt(1 + math.log(factor) / math.log(trained)) if factor > 1 else 1.0
    return {
        "rope.scaling.type": "longrope",
        "rope.scaling.original_context_length": trained,
        "rope.scaling.attn_factor": rope.number("attention_factor", usual),
        "rope.long_factor": np.array(rope.numbers("long_factor"), np.float32),
        "rope.short_factor": np.array(rope.numbers("short_factor"), np.float32),
    }


def _llama3(rope: HfConfig, made: Made, trained: int, _: int) -> Made:
    """Divisors of the frequencies: 1 for fast dimensions, `factor` for slow ones, a blend between (Llama 3.1)."""
    base, n_dims = np.float32(made["rope.freq_base"]), made["rope.dimension_count"]
    factor, low, high = (rope.number(name) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    frequencies = 1.0 / np.power(base, np.arange(0, n_dims, 2, dtype=np.float32) / np.float32(n_dims))
    wavelengths = 2 * np.pi / frequencies
    if factor <= 0 or not 0 < low <= high:
        raise UnsupportedModelError(f"{rope.path}: RoPE scaling by {factor} between {low} and {high} is not possible")
    smooth = (trained / wavelengths - low) / max(high - low, 1e-9)  # none are between where both are one (Llama 4)
    blended = 1 / ((1 - smooth) / factor + smooth)
    factors = np.where(wavelengths > trained / low, factor, np.where(wavelengths < trained / high, 1.0, blended))
    return {"rope.factors": factors.astype(np.float32)}


# By transformers' names, of which the last is one that early files of Phi 3 have.
_SCALINGS: dict[str, _Scaling] = {
    "default": _plain,
    "linear": _linear,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "longrope": _longrope,
    "llama3": _llama3,
    "su": _longrope,
}
