"""Mixtures of experts beyond what their families' oracles hold: GGUF files, other forms of folders, repeatability."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos import UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .families import DATA, family_oracle
from .gguf_files import write_gguf
from .hf_copy import Tensors, read_tensors, write_folder
from .logits import logits_of
from .splits import SPLITS

FP4_LEVELS = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


@pytest.mark.parametrize("quantized", ["F16", "Q8_0"])
@pytest.mark.parametrize("split", [split for split in SPLITS if split != "alone"])
def test_logits_are_bit_identical(quantized: str, split: str, tmp_path: Path) -> None:
    oracle = family_oracle("qwen2moe-mixed")
    write_gguf(open_checkpoint(oracle.path), tmp_path / "copy.gguf", quantized)
    alone, other = (
        logits_of(tmp_path / "copy.gguf", oracle.token_ids, kv_dtype="f16", **SPLITS[name]) for name in ("alone", split)
    )
    np.testing.assert_array_equal(alone.view(np.uint32), other.view(np.uint32))


def fused(tensors: Tensors) -> Tensors:
    """Experts as transformers 5 holds them in memory, and saves them where it is told to."""
    made = dict(tensors)
    experts = dict[str, dict[str, list[tuple[str, NDArray[Any]]]]]()
    for name in tensors:
        found = re.fullmatch(r"(model\.layers\.\d+)\.\w+\.experts\.(\d+)\.(\w+)\.weight", name)
        if found:
            parts = experts.setdefault(f"{found[1]}.mlp", {})
            parts.setdefault(found[3], []).append(made.pop(name))
        elif name.endswith("block_sparse_moe.gate.weight"):
            made[name.replace("block_sparse_moe", "mlp")] = made.pop(name)
    for layer, parts in experts.items():
        stacks = {part: np.stack([array for _, array in all_of_it]) for part, all_of_it in parts.items()}
        dtype = next(iter(parts.values()))[0][0]
        gate, up, down = ("w1", "w3", "w2") if "w1" in stacks else ("gate_proj", "up_proj", "down_proj")
        made[f"{layer}.experts.gate_up_proj"] = dtype, np.concatenate([stacks[gate], stacks[up]], axis=1)
        made[f"{layer}.experts.down_proj"] = dtype, stacks[down]
    return made


@pytest.mark.parametrize("name", ["mixtral-plain", "qwen3moe-plain"])
def test_fused_experts_are_the_same_model(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    folder = write_folder(tmp_path, oracle.path, fused(read_tensors(oracle.path)))
    np.testing.assert_array_equal(logits_of(folder, oracle.token_ids), logits_of(oracle.path, oracle.token_ids))


def test_experts_of_4_bit_floats_keep_their_values(tmp_path: Path) -> None:
    # Random blocks, and the values that they stand for, as the checkpoints on the hub and transformers have them.
    oracle = family_oracle("gpt_oss-plain")
    rng = np.random.default_rng(1)
    floats, packed = read_tensors(oracle.path), read_tensors(oracle.path)
    for name in [name for name in floats if name.endswith(("gate_up_proj", "down_proj"))]:
        n_experts, n_columns, n_rows = packed.pop(name)[1].shape
        blocks = rng.integers(0, 256, (n_experts, n_rows, n_columns // 32, 16), dtype=np.uint8)
        scales = rng.integers(121, 125, blocks.shape[:3], dtype=np.uint8)
        packed[f"{name}_blocks"], packed[f"{name}_scales"] = ("U8", blocks), ("U8", scales)
        values = np.empty((*scales.shape, 32), np.float32)
        values[..., 0::2], values[..., 1::2] = FP4_LEVELS[blocks & 15], FP4_LEVELS[blocks >> 4]
        values *= np.exp2(scales.astype(np.float32) - 127)[..., None]
        floats[name] = "F32", values.reshape(n_experts, n_rows, n_columns).swapaxes(1, 2)
    (tmp_path / "floats").mkdir()
    (tmp_path / "packed").mkdir()
    write_folder(tmp_path / "floats", oracle.path, floats)
    write_folder(tmp_path / "packed", oracle.path, packed, quantization_config={"quant_method": "mxfp4"})
    expected = logits_of(tmp_path / "floats", oracle.token_ids)
    given = logits_of(tmp_path / "packed", oracle.token_ids)
    assert expert_formats(tmp_path / "packed") == {"MXFP4"}
    assert np.abs(given - expected).max() < 0.05 * np.abs(expected).max()  # what 8-bit activations cost


def expert_formats(folder: Path) -> set[str]:
    tensors = open_checkpoint(folder).tensors
    specs = [tensors.spec(name) for name in tensors.names() if name.endswith("_exps.weight")]
    return {spec.dtype for spec in specs if spec is not None}


def test_experts_that_differ_in_shape_are_refused(tmp_path: Path) -> None:
    tensors = read_tensors(DATA / "mixtral-plain")
    name = "model.layers.1.block_sparse_moe.experts.2.w1.weight"
    tensors[name] = tensors[name][0], tensors[name][1][1:]
    with pytest.raises(UnsupportedModelError, match=r"experts\.2\.w1"):
        open_checkpoint(write_folder(tmp_path, DATA / "mixtral-plain", tensors))


def test_an_expert_that_is_missing_is_named(tmp_path: Path) -> None:
    tensors = read_tensors(DATA / "mixtral-plain")
    del tensors["model.layers.1.block_sparse_moe.experts.3.w2.weight"]
    with pytest.raises(UnsupportedModelError, match=r"layers\.1\.block_sparse_moe\.experts\.3\.w2"):
        open_checkpoint(write_folder(tmp_path, DATA / "mixtral-plain", tensors))


def test_router_scores_of_another_kind_are_refused() -> None:
    checkpoint = open_checkpoint(DATA / "mixtral-plain")
    checkpoint.metadata._file._values["llama.expert_gating_func"] = 7
    with pytest.raises(UnsupportedModelError, match="router scores of kind 7"):
        build_graph(checkpoint)


def test_the_cost_of_a_token_counts_the_experts_it_uses() -> None:
    graph = build_graph(open_checkpoint(DATA / "mixtral-many"))
    assert graph.expert_shares["blk.0.ffn_up_exps.weight"] == 3 / 8
    assert dict(graph.weights)["blk.0.ffn_down_exps.weight"] == (8, 32, 24)
