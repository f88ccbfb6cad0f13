"""A config.json with values that cannot be is an error of the package's own, or changes nothing that is built."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLMAgentOSError
from llmagentos.models import build_graph, open_checkpoint

from .families import CASES, DATA, changed_folder

FIRST_OF_CLASS = {case.saved_class: name for name, case in reversed(CASES.items())}
VALUES: list[Any] = [None, True, -1, 0, 3, 2**31, float("nan"), "text", [1, "a"], [1, 2], {}]
ROPES: list[Any] = [
    {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]},
    {"rope_type": "longrope", "short_factor": [], "long_factor": ["a"]},
    {"rope_type": "longrope"},
    {"rope_type": "llama3", "factor": 0.0, "low_freq_factor": 1.0, "high_freq_factor": 1.0},
    {"rope_type": "llama3", "factor": 8.0},
    {"rope_type": "yarn", "factor": -2.0},
    {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 0},
    {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1.0},
    {"rope_type": "linear", "factor": 0},
    {"rope_type": "default", "partial_rotary_factor": 1.5},
    {"rope_type": "default", "partial_rotary_factor": 0.0},
    {"rope_type": "default", "rope_theta": "10000"},
    {"rope_type": ["default"]},
    {"full_attention": 1},
]


def opens(folder: Path) -> bool:
    try:
        build_graph(open_checkpoint(folder))
    except LLMAgentOSError:
        return False
    return True


def try_values(name: str, folder: Path, step: int) -> None:
    """Opens a model with every step-th of the values of its fields."""
    assert opens(DATA / name)
    fields = json.loads((DATA / name / "config.json").read_text())
    changed_folder(DATA / name, folder)
    cases = [(field, value) for field in fields for value in VALUES]
    for field, value in cases[list(FIRST_OF_CLASS.values()).index(name) % step :: step]:
        (folder / "config.json").write_text(json.dumps(fields | {field: value}))
        opens(folder)
    (folder / "config.json").write_text(json.dumps(fields))
    assert opens(folder)  # nor has any of them left something behind


@pytest.mark.parametrize("name", FIRST_OF_CLASS.values())
def test_no_value_of_a_field_breaks_it(name: str, tmp_path: Path) -> None:
    try_values(name, tmp_path, 8)


@pytest.mark.acceptance
@pytest.mark.parametrize("name", FIRST_OF_CLASS.values())
def test_none_of_all_values_of_a_field_breaks_it(name: str, tmp_path: Path) -> None:
    try_values(name, tmp_path, 1)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("llama-llama3", "head_dim"),
        ("mpt-plain", "n_heads"),
        ("marian-plain", "max_position_embeddings"),
        ("m2m100-plain", "d_model"),
        ("pegasus-plain", "d_model"),
    ],
)
@pytest.mark.parametrize("value", [2**24, 2**31 - 1])
def test_sizes_beyond_all_models_take_no_memory(name: str, field: str, value: int, tmp_path: Path) -> None:
    folder = changed_folder(DATA / name, tmp_path, **{field: value})
    usual = json.loads((DATA / name / "config.json").read_text())[field]
    assert usual < value
    tracemalloc.start()
    try:
        assert not opens(folder)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("parameters", ROPES, ids=str)
def test_rotary_parameters_that_cannot_be_are_refused(parameters: Any, tmp_path: Path) -> None:
    assert not opens(changed_folder(DATA / "llama-plain", tmp_path, rope_parameters=parameters))
