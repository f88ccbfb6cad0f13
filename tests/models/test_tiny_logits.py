"""Every architecture and option on tiny random models, against transformers in float32 on the same weights."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from .tiny_models import FLOAT_WEIGHTS, SUPPORTED, TinyOracle, tiny_oracle

Logits = NDArray[np.float32]


def relative_difference(oracle: TinyOracle, logits: Logits) -> float:
    """max |difference| / max |logit| over the oracle's rows."""
    return float(np.abs(logits[oracle.rows] - oracle.logits).max() / np.abs(oracle.logits).max())


def sure_rows(oracle: TinyOracle, margin: float) -> NDArray[np.bool_]:
    """Rows whose best logit leads the next by more than the margin."""
    pair = np.partition(oracle.logits, -2, axis=1)[:, -2:]
    sure: NDArray[np.bool_] = pair[:, 1] - pair[:, 0] > margin
    return sure


def assert_same_argmax(oracle: TinyOracle, logits: Logits, margin: float) -> None:
    sure = sure_rows(oracle, margin)
    np.testing.assert_array_equal(logits[oracle.rows][sure].argmax(axis=1), oracle.logits[sure].argmax(axis=1))


@pytest.mark.parametrize("name", SUPPORTED)
def test_logits_agree_with_transformers(name: str, isa: str, tiny_logits: dict[str, Logits]) -> None:
    oracle, logits = tiny_oracle(name), tiny_logits[f"{name} f32"]
    if isa == "reference" or name in FLOAT_WEIGHTS:
        assert relative_difference(oracle, logits) < 1e-4
        assert_same_argmax(oracle, logits, margin=0.01)
    else:  # activations in 8 bits
        assert relative_difference(oracle, logits) < 0.1
        assert_same_argmax(oracle, logits, margin=0.1 * float(np.abs(oracle.logits).max()))


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_half_precision_cache_costs_little(name: str, isa: str, tiny_logits: dict[str, Logits]) -> None:
    exact = isa == "reference" or name in FLOAT_WEIGHTS  # else what 8-bit activations cost comes on top
    assert relative_difference(tiny_oracle(name), tiny_logits[f"{name} f16"]) < (5e-3 if exact else 0.1)


@pytest.mark.parametrize("name", SUPPORTED)
def test_an_8_bit_cache_costs_a_little_more(name: str, isa: str, tiny_logits: dict[str, Logits]) -> None:
    exact = isa == "reference" or name in FLOAT_WEIGHTS
    assert relative_difference(tiny_oracle(name), tiny_logits[f"{name} int8"]) < (6e-2 if exact else 0.12)
