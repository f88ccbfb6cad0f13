"""What a file says of RoPE scaling, with and without naming the kind: as llama.cpp reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.errors import UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .logits import logits_of
from .patched_files import tiny, with_key

IDS = np.arange(3, 43, dtype=np.int32)


def logits_with(keys: dict[str, float | str], architecture: str, folder: Path) -> NDArray[np.float32]:
    """Logits of the architecture's tiny model with these keys of rope.scaling added."""
    path = tiny(architecture)
    for key, value in keys.items():
        path = with_key(path, f"{architecture}.rope.scaling.{key}", value, folder)
    return logits_of(path, IDS)


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_a_factor_without_a_type_is_linear(architecture: str, tmp_path: Path) -> None:
    plain = logits_with({}, architecture, tmp_path)
    seen = [plain]
    for factor in (4.0, 8.0):
        untyped = logits_with({"factor": factor}, architecture, tmp_path)
        linear = logits_with({"factor": factor, "type": "linear"}, architecture, tmp_path)
        np.testing.assert_array_equal(untyped, linear)
        assert all(np.abs(untyped - other).max() > 1e-3 for other in seen)
        seen.append(untyped)
    np.testing.assert_array_equal(logits_with({"factor": 1.0}, architecture, tmp_path), plain)
    np.testing.assert_array_equal(logits_with({"type": "linear"}, architecture, tmp_path), plain)


def test_a_factor_beside_none_changes_nothing(tmp_path: Path) -> None:
    none = logits_with({"factor": 8.0, "type": "none"}, "llama", tmp_path)
    np.testing.assert_array_equal(none, logits_with({}, "llama", tmp_path))


def test_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    path = with_key(tiny("llama"), "llama.rope.scaling.type", "spiral", tmp_path)
    with pytest.raises(UnsupportedModelError, match="'spiral'"):
        build_graph(open_checkpoint(path))
