"""Adapters that are broken, or that ask for what this build does not do: errors that name the field or the tensor."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.models import open_checkpoint
from llmagentos.models.lora import AdapterBase, LowRank, open_adapter
from llmagentos.models.peft_config import read_peft_config
from tests.hf_folders import write_safetensors

from .adapted import BASES, DATA

NAME = "llama-all-linear"
MODULE = "model.layers.0.self_attn.q_proj"
REFUSED = {
    "peft_type": "LOHA",
    "bias": "lora_only",
    "lora_bias": True,
    "init_lora_weights": "pissa_niter_4",
    "layer_replication": [[0, 2]],
    "trainable_token_indices": [1],
    "target_parameters": ["experts.gate_up_proj"],
    "alora_invocation_tokens": [5],
    "use_qalora": True,
    "megatron_config": {"tensor_model_parallel_size": 2},
    "ensure_weight_tying": True,
    "a_field_of_a_later_version": 1,
    "r": 100_000,
    "rank_pattern": {"(a+)+b": 4},
    "alpha_pattern": {"a.*b.*c.*d.*": 4},
}
BROKEN: dict[str, Any] = {
    "r": "4",
    "lora_alpha": [],
    "rank_pattern": {"q_proj": 0},
    "alpha_pattern": {"(": 4},
    "use_rslora": "yes",
}


@pytest.fixture(scope="module")
def base() -> AdapterBase:
    return AdapterBase.of(open_checkpoint(BASES[NAME]))


def with_fields(folder: Path, **fields: Any) -> Path:
    """The adapter's folder with other fields in its configuration."""
    to = folder / "adapter"
    shutil.copytree(DATA / NAME, to)
    config = json.loads((to / "adapter_config.json").read_text())
    (to / "adapter_config.json").write_text(json.dumps(config | fields))
    return to


def with_tensors(folder: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    """An adapter of rank 4 with these tensors."""
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    tensors = {f"base_model.model.{name}": np.ones(shape, np.float32) for name, shape in shapes.items()}
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    return folder


def factors(module: str, n_in: int, n_out: int, rank: int = 4) -> dict[str, tuple[int, ...]]:
    return {f"{module}.lora_A.weight": (rank, n_in), f"{module}.lora_B.weight": (n_out, rank)}


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_asks_for_more_is_refused_with_its_value(field: str, tmp_path: Path, base: AdapterBase) -> None:
    folder = with_fields(tmp_path, **{field: REFUSED[field]})
    value = REFUSED[field]
    with pytest.raises(UnsupportedModelError, match=field) as caught:
        open_adapter(folder, base)
    assert repr(next(iter(value)) if isinstance(value, dict) and field.endswith("pattern") else value) in str(
        caught.value
    )


@pytest.mark.parametrize("field", ["r", "rank_pattern", "alpha_pattern", "use_rslora"])
def test_a_field_of_the_wrong_kind_is_named(field: str, tmp_path: Path, base: AdapterBase) -> None:
    with pytest.raises(ModelFormatError, match=field):
        open_adapter(with_fields(tmp_path, **{field: BROKEN[field]}), base)


def test_fields_that_say_nothing_may_be_there(tmp_path: Path, base: AdapterBase) -> None:
    fields = {"of_a_later_version": None, "another": False, "lists": [], "objects": {}, "init_lora_weights": "gaussian"}
    found, kept = open_adapter(with_fields(tmp_path, **fields), base), open_adapter(DATA / NAME, base)
    assert all(np.array_equal(found[name].b, kept[name].b) for name in kept)


@pytest.mark.parametrize(
    ("shapes", "error", "message"),
    [
        ({}, ModelFormatError, "it updates nothing"),
        (factors(MODULE, 32, 64, rank=3), ModelFormatError, "its rank is 4"),
        (factors(MODULE, 32, 48), UnsupportedModelError, r"\[48, 32\], but blk.0.attn_q.weight is \[64, 32\]"),
        ({f"{MODULE}.lora_A.weight": (4, 32)}, ModelFormatError, "lora_A only"),
        (factors("model.layers.2.self_attn.q_proj", 32, 64), UnsupportedModelError, "layers.2.self_attn.q_proj"),
        (factors("model.embed_tokens", 32, 83), UnsupportedModelError, "model.embed_tokens"),
        ({"model.embed_tokens.lora_embedding_A": (4, 83)}, UnsupportedModelError, "lora_embedding_A"),
        (factors(MODULE, 32, 64) | {f"{MODULE}.lora_magnitude_vector": (64,)}, ModelFormatError, "64 lengths"),
        ({"model.layers.7.mlp.up_proj.weight": (40, 32)}, UnsupportedModelError, "layers.7.mlp.up_proj"),
        ({"lm_head.weight": (85, 32)}, UnsupportedModelError, r"\[85, 32\], but this model has one of \[83, 32\]"),
        ({"lm_head.weight": (83, 32)}, UnsupportedModelError, "a trained output.weight"),
    ],
)
def test_tensors_that_have_no_place_are_named(
    shapes: dict[str, tuple[int, ...]], error: type[Exception], message: str, tmp_path: Path, base: AdapterBase
) -> None:
    with pytest.raises(error, match=message):
        open_adapter(with_tensors(tmp_path, shapes), base)


def test_experts_cannot_be_updated(tmp_path: Path) -> None:
    base = AdapterBase.of(open_checkpoint(BASES["mixtral-attention"]))
    module = "model.layers.0.block_sparse_moe.experts.0.w1"
    with pytest.raises(UnsupportedModelError, match=re.escape(module)):
        open_adapter(with_tensors(tmp_path, factors(module, 32, 48)), base)


def test_missing_files_are_named(tmp_path: Path, base: AdapterBase) -> None:
    with pytest.raises(ModelNotFoundError, match=r"adapter_config\.json"):
        open_adapter(tmp_path, base)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelNotFoundError, match=r"adapter_model\.safetensors"):
        open_adapter(tmp_path, base)
    (tmp_path / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(ModelNotFoundError, match="pickle"):
        open_adapter(tmp_path, base)


def test_an_adapter_of_another_model_is_refused(base: AdapterBase) -> None:
    with pytest.raises(UnsupportedModelError, match="of this llama model"):
        open_adapter(DATA / "gpt2-conv", base)
    with pytest.raises(UnsupportedModelError, match="is for a weight of shape"):
        open_adapter(DATA / "qwen2-rslora", base)


def test_ranks_and_scales_are_those_of_the_first_pattern_that_fits(tmp_path: Path) -> None:
    patterns = {
        "rank_pattern": {"q_proj": 20, r"layers\.1\..*": 2},
        "alpha_pattern": {"^model.layers.0.mlp.up_proj": 9},
    }
    config = read_peft_config(with_fields(tmp_path, lora_alpha=6, r=4, **patterns))
    assert config.rank_of("model.layers.1.self_attn.q_proj") == 20
    assert config.rank_of("model.layers.1.mlp.up_proj") == 2
    assert config.rank_of("model.layers.0.self_attn.iq_proj") == 4
    assert config.scale_of("model.layers.0.mlp.up_proj") == 9 / 4
    assert config.scale_of("model.layers.1.mlp.up_proj") == 6 / 2


def test_changes_hold_the_scale(base: AdapterBase) -> None:
    change: LowRank = open_adapter(DATA / NAME, base)["blk.0.attn_output.weight"]
    assert (change.a.shape, change.b.shape) == ((4, 64), (32, 4))
    assert change.a.dtype == change.b.dtype == np.float32


def test_a_copy_of_the_weight_that_is_changed_may_be_there(tmp_path: Path) -> None:
    base = AdapterBase.of(open_checkpoint(BASES[NAME]))
    n_rows, n_cols = base.shapes["token_embd.weight"]
    with_copy = factors("lm_head", n_cols, n_rows) | {"lm_head.base_layer.weight": (n_rows, n_cols)}
    found = open_adapter(with_tensors(tmp_path / "copy", with_copy), base)
    usual = open_adapter(with_tensors(tmp_path / "usual", factors("lm_head", n_cols, n_rows)), base)
    assert found.keys() == usual.keys()
    assert len(found) == 1


@pytest.mark.parametrize("module", ["lm_head", "model.embed_tokens"])
def test_a_weight_in_place_of_the_models_is_refused(module: str, tmp_path: Path, base: AdapterBase) -> None:
    n_rows, n_cols = base.shapes["token_embd.weight"]
    shapes = factors("lm_head", n_cols, n_rows) | {f"{module}.base_layer.weight": (n_rows + 1, n_cols)}
    with pytest.raises(UnsupportedModelError, match=f"replaces the weight of {module}"):
        open_adapter(with_tensors(tmp_path, shapes), base)


def test_an_adapter_of_dora_has_lengths_for_all_its_modules(tmp_path: Path, base: AdapterBase) -> None:
    with pytest.raises(ModelFormatError, match="has no lengths, it must have"):
        open_adapter(with_fields(tmp_path, use_dora=True), base)
