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
) -> RopeParams:
    """The rotation of each head, or of as many leading elements as the checkpoint says, scaled as it says.

    Args:
        base: of the frequencies; None for the checkpoint's. One that is given is of layers that are not scaled.
        yarn_truncates: whether the dimensions between which YaRN blends are whole numbers, where nothing says so.

    Raises:
        UnsupportedModelError: a scaling of another kind.
    """
    meta = checkpoint.metadata
    n_dims = meta.integer("rope.dimension_count", head_dim)
    if base is not None:
        return RopeParams(_plain(base, n_dims).tolist(), pairs=pairs)
    base = meta.number("rope.freq_base", 10000.0)
    kind = meta.string("rope.scaling.type", "linear")  # which a factor without a type means
    factor = meta.number("rope.scaling.factor", 1.0)
    frequencies, magnitude = _plain(base, n_dims), 1.0
    if kind == "linear":
        frequencies = frequencies / np.float32(factor)
    elif kind == "dynamic":
        frequencies = _plain(_dynamic_base(checkpoint, base, factor, n_dims), n_dims)
    elif kind == "yarn":
        frequencies, magnitude = _yarn(checkpoint, base, factor, n_dims, yarn_truncates)
    elif kind == "longrope":
        frequencies, magnitude = _longrope(checkpoint, frequencies)
    elif kind != "none":
        raise UnsupportedModelError(
            f"{checkpoint.path}: RoPE scaling {kind!r} is not supported; these are: {', '.join(KINDS)}"
        )
    if checkpoint.has_tensor(_FACTORS):
        frequencies = frequencies / decoded(checkpoint.tensors, _FACTORS)
    return RopeParams(frequencies.tolist(), magnitude=magnitude, pairs=pairs)


def tensors_read(checkpoint: Checkpoint) -> set[str]:
    """The tensors that are no weights of the graph but say how positions rotate."""
    return {name for name in (_FACTORS, _LONG, _SHORT) if checkpoint.has_tensor(name)}


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
    usual = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
    return frequencies, meta.number("rope.scaling.attn_factor", usual)


def _longrope(checkpoint: Checkpoint, frequencies: Floats) -> tuple[Floats, float]:
    """The long factors where the context is longer than what was first trained on, else the short ones."""
    meta = checkpoint.metadata
    trained = meta.integer("rope.scaling.original_context_length")
    is_long = checkpoint.context_length > trained
    name = _LONG if is_long else _SHORT
    if not checkpoint.has_tensor(name):
        raise UnsupportedModelError(f"{checkpoint.path}: there is no tensor {name}, which longrope needs")
    stretch = checkpoint.context_length / trained
    usual = math.sqrt(1 + math.log(stretch) / math.log(trained)) if stretch > 1 else 1.0
    return frequencies / decoded(checkpoint.tensors, name), meta.number("rope.scaling.attn_factor", usual)
