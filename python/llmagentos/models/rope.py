"""What a checkpoint says of its rotary positions, as inverse frequencies.

Scalings follow transformers' modeling_rope_utils: linear (Chen et al., 2023), dynamic NTK, YaRN (Peng et al., 2023),
Llama 3's (whose factors files carry as a tensor) and longrope (Ding et al., 2024).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.graph import RopeParams
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import decoded

YARN_MULTIPLIER = "rope.scaling.yarn_log_multiplier"  # a tenth of what transformers calls mscale_all_dim
KINDS = ("none", "linear", "dynamic", "yarn", "longrope")
_FACTORS = "rope_freqs.weight"  # divisors of the frequencies, one for each pair
_LONG, _SHORT = "rope_factors_long.weight", "rope_factors_short.weight"

Floats = NDArray[np.float32]


def rope_params(
    checkpoint: Checkpoint,
    head_dim: int,
    *,
    pairs: Literal["halves", "adjacent"] = "halves",
    base: float | None = None,
    yarn_truncates: bool = True,
    first: int = 0,
) -> RopeParams:
    """The rotation of each head, or of as many leading elements as the checkpoint says, scaled as it says.

    Args:
        base: of the frequencies; None for the checkpoint's. One that is given is of layers that are not scaled.
        yarn_truncates: whether the dimensions between which YaRN blends are whole numbers, where nothing says so.
        first: the element of a head from which on they rotate.

    Raises:
        UnsupportedModelError: a scaling of another kind.
    """
    meta = checkpoint.metadata
    n_dims = meta.integer("rope.dimension_count", head_dim)
    if n_dims % 2 or n_dims > head_dim:
        raise UnsupportedModelError(f"{checkpoint.path}: {n_dims} of {head_dim} elements of a head cannot rotate")
    if base is not None:
        return RopeParams(_plain(base, n_dims).tolist(), pairs=pairs, first=first)
    base = meta.number("rope.freq_base", 10000.0)
    meta.flag("rope.scaling.finetuned", True)  # says how the scaling came about
    meta.integer("rope.scaling.original_context_length", None)  # some files have it without a scaling
    # A factor without a type is linear; llama.cpp's files of longrope have its tensors and no type.
    kind = meta.string("rope.scaling.type", "longrope" if checkpoint.has_tensor(_LONG) else "linear")
    factor = meta.number("rope.scaling.factor", 1.0)
    frequencies, magnitude = _plain(base, n_dims), 1.0
    if kind == "linear":
        frequencies = frequencies / np.float32(factor)
    elif kind == "dynamic":
        frequencies = _plain(_dynamic_base(checkpoint, base, factor, n_dims), n_dims)
    elif kind == "yarn":
        frequencies, magnitude = _yarn(checkpoint, base, factor, n_dims, yarn_truncates)
    elif kind == "longrope":
        frequencies, magnitude = _longrope(checkpoint, frequencies, n_dims)
    elif kind != "none":
        raise UnsupportedModelError(
            f"{checkpoint.path}: RoPE scaling {kind!r} is not supported; these are: {', '.join(KINDS)}"
        )
    if checkpoint.has_tensor(_FACTORS):
        frequencies = frequencies / _factors(checkpoint, _FACTORS, n_dims)
    return RopeParams(frequencies.tolist(), magnitude=magnitude, pairs=pairs, first=first)


def tensors_read(checkpoint: Checkpoint) -> set[str]:
    """The tensors that are no weights of the graph but say how positions rotate."""
    return {name for name in (_FACTORS, _LONG, _SHORT) if checkpoint.has_tensor(name)}


def _factors(checkpoint: Checkpoint, name: str, n_dims: int) -> Floats:
    """A tensor with a divisor for each pair."""
    spec = checkpoint.tensors.spec(name)
    if spec is None or spec.shape != (n_dims // 2,):
        found = "none" if spec is None else f"one of shape {list(spec.shape)}"
        raise UnsupportedModelError(f"{checkpoint.path}: RoPE needs a tensor {name} [{n_dims // 2}], there is {found}")
    return decoded(checkpoint.tensors, name)


def _plain(base: float, n_dims: int) -> Floats:
    """In float32 throughout, as the reference implementations round."""
    exponents = np.arange(0, n_dims, 2, dtype=np.float32) / np.float32(n_dims)
    frequencies: Floats = np.float32(1.0) / np.power(np.float32(base), exponents)
    return frequencies


def _dynamic_base(checkpoint: Checkpoint, base: float, factor: float, n_dims: int) -> float:
    """The base for a context that is as long as the model may see, whatever part of it is filled: a base that moved
    with the text would change what is in the cache."""
    trained = checkpoint.metadata.integer("rope.scaling.original_context_length", checkpoint.context_length)
    length = max(checkpoint.context_length, trained)
    return float(base * (factor * length / trained - (factor - 1)) ** (n_dims / (n_dims - 2)))


def _yarn(checkpoint: Checkpoint, base: float, factor: float, n_dims: int, truncates: bool) -> tuple[Floats, float]:
    meta = checkpoint.metadata
    trained = meta.integer("rope.scaling.original_context_length", checkpoint.context_length)
    if base <= 1:
        raise UnsupportedModelError(f"{checkpoint.path}: RoPE's base of {base} cannot be scaled by YaRN")
    fast, slow = meta.number("rope.scaling.yarn_beta_fast", 32.0), meta.number("rope.scaling.yarn_beta_slow", 1.0)

    def dimension(rotations: float) -> float:
        """Where a dimension turns that often within the context trained on."""
        return n_dims * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = dimension(fast), dimension(slow)
    if meta.flag("rope.scaling.yarn_truncate", truncates):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, n_dims - 1)
    ramp = (np.arange(n_dims // 2, dtype=np.float32) - low) / (high - low if high > low else 0.001)
    keep = 1 - np.clip(ramp, 0, 1).astype(np.float32)  # 1 for the fast dimensions, which stay as they are
    plain = _plain(base, n_dims)
    frequencies = (plain / np.float32(factor)) * (1 - keep) + plain * keep
    # A multiplier scales the scores in place of what rotates.
    scales_scores = meta.number(YARN_MULTIPLIER, 0.0, low=0) > 0
    usual = 0.1 * math.log(factor) + 1.0 if factor > 1 and not scales_scores else 1.0
    return frequencies, usual * meta.number("rope.scaling.attn_factor", 1.0)


def _longrope(checkpoint: Checkpoint, frequencies: Floats, n_dims: int) -> tuple[Floats, float]:
    """The long factors where the context is longer than what was first trained on, else the short ones."""
    meta = checkpoint.metadata
    trained = meta.integer("rope.scaling.original_context_length")
    is_long = checkpoint.context_length > trained
    factors = _factors(checkpoint, _LONG if is_long else _SHORT, n_dims)
    stretch = checkpoint.context_length / trained
    usual = math.sqrt(1 + math.log(stretch) / math.log(trained)) if stretch > 1 else 1.0
    return frequencies / factors, meta.number("rope.scaling.attn_factor", usual)
