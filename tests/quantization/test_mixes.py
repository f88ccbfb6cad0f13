"""The mixes are llama.cpp's, tensor by tensor."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.metadata import GivenKeyValues, Metadata
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec
from llmagentos.quantization.mixes import MIXES, formats_of, mix_named

ORACLE = Path(__file__).parents[1] / "oracles" / "quantization" / "mixes.json.gz"
RECORD: dict[str, Any] = json.loads(gzip.decompress(ORACLE.read_bytes()))


def checkpoint_of(name: str) -> Checkpoint:
    stored = RECORD[name]
    shapes = {
        tensor: LazyTensor(TensorSpec("F32", tuple(shape)), lambda: np.zeros(0))
        for tensor, shape in stored["shapes"].items()
    }
    return Checkpoint(
        path=Path(name),
        tensors=LazyTensors(shapes),
        architecture=stored["architecture"],
        metadata=Metadata(GivenKeyValues(name, stored["metadata"]), stored["architecture"]),
        tokenizer=None,
        chat_template=None,
        name=name,
    )


@pytest.mark.parametrize("model", sorted(RECORD))
def test_each_tensor_gets_llama_cpps_format(model: str) -> None:
    for mix, formats in RECORD[model]["formats"].items():
        assert formats_of(checkpoint_of(model), mix) == formats, mix


def test_the_oracle_has_every_mix() -> None:
    assert {*RECORD["grouped"]["formats"], "f32"} == set(MIXES)


def test_floats_change_no_format_but_their_own() -> None:
    assert set(formats_of(checkpoint_of("experts"), "f32").values()) == {"F32"}


def test_importance_guards_the_first_layers_of_simple_formats() -> None:
    formats = formats_of(checkpoint_of("grouped"), "q4_0", has_importance=True)
    downs = [formats[f"blk.{i}.ffn_down.weight"] for i in range(24)]
    assert downs == ["Q4_1"] * 3 + ["Q4_0"] * 21


@pytest.mark.parametrize(("given", "name"), [("Q4_K", "q4_k_m"), ("q5_k", "q5_k_m"), ("Q8_0", "q8_0")])
def test_names_in_any_case_and_aliases_are_known(given: str, name: str) -> None:
    assert mix_named(given) == name


def test_another_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"quantize='int8' is not valid: it must be one of f32, f16, bf16, q8_0"
    ):
        mix_named("int8")
