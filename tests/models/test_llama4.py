"""Llama 4: what its configurations and llama.cpp's files say in ways of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models import build_graph, open_checkpoint

from .adapted import AdaptedModel, Text, relative_difference
from .families import DATA, changed_folder, family_oracle
from .gguf_files import write_gguf
from .logits import logits_of

IDS = family_oracle("llama4-scout").token_ids
SCOUT, PICTURES = DATA / "llama4-scout", DATA / "llama4-pictures"


def changed_file(checkpoint: Checkpoint, to: Path, **keys: Any) -> Path:
    """A GGUF file with other values under keys of the architecture; None takes one away."""
    values = checkpoint.metadata._file._values
    for key, value in keys.items():
        values.pop(f"llama4.{key}", None)
        if value is not None:
            values[f"llama4.{key}"] = value
    write_gguf(checkpoint, to / "model.gguf")
    return to / "model.gguf"


def test_the_number_that_the_first_files_have_for_a_flag_is_true(tmp_path: Path) -> None:
    changed = changed_folder(SCOUT, tmp_path, attn_temperature_tuning=4)
    np.testing.assert_array_equal(logits_of(changed, IDS), logits_of(SCOUT, IDS))


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_temperature_tuning": False},
        {"floor_scale": 20},
        {"attn_scale": 0.2},
        {"attention_chunk_size": 25},
        {"use_qk_norm": False},
        {"no_rope_layers": [1, 1, 1, 1]},
        {"layer_types": ["chunked_attention"] * 4},
        {"num_experts_per_tok": 2},
    ],
)
def test_every_field_counts(fields: dict[str, Any], tmp_path: Path) -> None:
    changed = logits_of(changed_folder(SCOUT, tmp_path, **fields), IDS)
    assert np.abs(changed - logits_of(SCOUT, IDS)).max() > 1e-2


@pytest.mark.parametrize("n_at_once", [1, 37, 400])
def test_a_chunk_is_a_text_of_its_own(n_at_once: int, tmp_path: Path) -> None:
    """Where all layers see chunks and rotate; chunks are longer than what attention computes in one go."""
    ids = np.random.default_rng(0).integers(0, 83, 400).astype(np.int32)
    fields = {"attention_chunk_size": 150, "no_rope_layers": [1] * 4, "max_position_embeddings": 512}
    model = AdaptedModel(changed_folder(SCOUT, tmp_path, **fields), threads=2)
    (whole,) = model.logits(Text(ids, chunk=n_at_once))
    for begin in (0, 150, 300):
        (alone,) = model.logits(Text(ids[begin : begin + 150]))
        assert relative_difference(whole[begin : begin + 150], alone) < 1e-4


def test_files_without_a_window_have_the_usual_chunks(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(PICTURES)
    keys = " ".join(checkpoint.metadata.source.keys())
    assert "temperature" not in keys
    assert "rope.layers" not in keys
    path = changed_file(checkpoint, tmp_path, **{"attention.sliding_window": None})
    assert np.abs(logits_of(path, IDS) - logits_of(PICTURES, IDS)).max() < 1e-4


def test_files_with_a_window_of_zero_have_positions_in_all_layers(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    changed_folder(SCOUT, folder, no_rope_layers=[1] * 4, attention_chunk_size=None)
    path = changed_file(open_checkpoint(folder), tmp_path, **{"rope.layers": None})
    assert np.abs(logits_of(path, IDS) - logits_of(folder, IDS)).max() < 1e-4


def test_heads_of_the_largest_model_are_not_normalised(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(changed_folder(SCOUT, tmp_path, num_local_experts=128, use_qk_norm=False))
    assert "head_norms" not in " ".join(checkpoint.metadata.source.keys())


@pytest.mark.parametrize(
    "keys",
    [
        {"rope.layers": [1, 0]},
        {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0},
        {"attention.sliding_window_pattern": [1, 0]},
    ],
)
def test_what_does_not_fit_is_refused(keys: dict[str, Any], tmp_path: Path) -> None:
    path = changed_file(open_checkpoint(SCOUT), tmp_path, **keys)
    with pytest.raises(UnsupportedModelError):
        build_graph(open_checkpoint(path))


def test_chunks_of_no_length_are_refused(tmp_path: Path) -> None:
    folder = changed_folder(SCOUT, tmp_path, attention_chunk_size=None, layer_types=["chunked_attention"] * 4)
    with pytest.raises(UnsupportedModelError, match="attention_chunk_size"):
        open_checkpoint(folder)
