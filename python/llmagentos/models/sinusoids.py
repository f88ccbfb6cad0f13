"""Positions as constants: tables [n, width] of sines and cosines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PositionTable: TypeAlias = "Callable[[int, int], NDArray[np.float32]]"
_SKIPPED = 2  # M2M100's first position is the third


def sinusoids(n: int, width: int) -> NDArray[np.float32]:
    """Sines in the first half of a row, cosines in the second (Vaswani et al., 2017)."""
    exponents = 2 * (np.arange(width) // 2) / width
    angles = np.arange(n)[:, None] / np.power(10000, exponents)
    return np.concatenate([np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])], axis=1).astype(np.float32)


def sinusoids_of_m2m100(n: int, width: int) -> NDArray[np.float32]:
    """The same with other wavelengths, and without the first two positions; in float32, as it was trained."""
    half = width // 2
    frequencies = np.exp(np.arange(half, dtype=np.float32) * np.float32(-math.log(10000) / (half - 1)))
    angles = np.arange(_SKIPPED, _SKIPPED + n, dtype=np.float32)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
