"""Slopes of ALiBi against transformers' formulas, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llmagentos.models.alibi import alibi_slopes


@pytest.mark.parametrize("n_heads", [1, 2, 3, 4, 6, 7, 12, 14, 16, 71, 112])
def test_slopes_are_those_of_bloom(n_heads: int) -> None:
    power = 2 ** math.floor(math.log2(n_heads))
    base, between = (2 ** -(2 ** -(math.log2(n) - 3)) for n in (power, 2 * power))
    expected = [base ** (i + 1) for i in range(power)] + [between ** (2 * i + 1) for i in range(n_heads - power)]
    np.testing.assert_allclose(alibi_slopes(n_heads), expected, rtol=1e-12)


@pytest.mark.parametrize("max_bias", [8.0, 16.0])
@pytest.mark.parametrize("n_heads", [1, 2, 3, 6, 12, 16, 112])
def test_slopes_are_those_of_mpt(n_heads: int, max_bias: float) -> None:
    power = 2 ** math.ceil(math.log2(n_heads))
    slopes = [2 ** -((i + 1) * max_bias / power) for i in range(power)]
    expected = slopes if power == n_heads else (slopes[1::2] + slopes[::2])[:n_heads]
    np.testing.assert_allclose(alibi_slopes(n_heads, max_bias), expected, rtol=1e-12)
