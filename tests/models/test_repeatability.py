"""One prompt, one build and ISA: the same bits, whatever else runs and however the prompt is cut."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from .splits import REPEATED_TOKENS, SPLITS, repeated_kv_dtypes
from .tiny_models import SUPPORTED


@pytest.mark.parametrize("split", [split for split in SPLITS if split != "alone"])
@pytest.mark.parametrize(("name", "kv"), [(name, kv) for name in SUPPORTED for kv in repeated_kv_dtypes(name)])
def test_logits_are_bit_identical(
    name: str, kv: str, split: str, repeated_logits: dict[str, NDArray[np.float32]]
) -> None:
    alone, other = repeated_logits[f"{name} alone {kv}"], repeated_logits[f"{name} {split} {kv}"]
    assert alone.shape == other.shape
    assert len(alone) == REPEATED_TOKENS
    assert np.isfinite(alone).all()
    np.testing.assert_array_equal(alone.view(np.uint32), other.view(np.uint32))
