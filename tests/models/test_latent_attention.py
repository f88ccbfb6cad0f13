"""DeepSeek's models: what their configurations and llama.cpp's files say in ways of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from llmagentos import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec, decoded
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.quantization.gguf_file import quantized

from .adapted import AdaptedModel, Text, relative_difference
from .families import DATA, changed_folder, family_oracle
from .gguf_files import write_gguf
from .logits import logits_of

NAMES = ["deepseek2-lite", "deepseek2-groups", "deepseek3-plain", "deepseek3-unlike"]
V3 = DATA / "deepseek3-plain"
N_HEADS, N_PLAIN, N_ROTATED, VALUE_DIM, RANK = 2, 24, 8, 16, 16
IDS = family_oracle("deepseek3-plain").token_ids


def split(checkpoint: Checkpoint) -> Checkpoint:
    """With a matrix of keys and one of values for each head, as llama.cpp's newer files have them."""
    made = dict[str, LazyTensor]()

    def add(name: str, values: np.ndarray) -> None:
        array = np.ascontiguousarray(values)
        made[name] = LazyTensor(TensorSpec("F32", array.shape), lambda: array)

    for name in checkpoint.tensors.names():
        values = decoded(checkpoint.tensors, name)
        if not name.endswith("attn_kv_b.weight"):
            add(name, values)
            continue
        heads = values.reshape(N_HEADS, N_PLAIN + VALUE_DIM, RANK)
        add(name.replace("kv_b", "k_b"), heads[:, :N_PLAIN].swapaxes(1, 2))
        add(name.replace("kv_b", "v_b"), heads[:, N_PLAIN:])
    object.__setattr__(checkpoint, "tensors", LazyTensors(made))
    values = checkpoint.metadata._file._values
    values |= {
        "deepseek2.attention.head_count_kv": 1,
        "deepseek2.attention.key_length": RANK + N_ROTATED,
        "deepseek2.attention.value_length": RANK,
        "deepseek2.attention.key_length_mla": N_PLAIN + N_ROTATED,
        "deepseek2.attention.value_length_mla": VALUE_DIM,
    }
    return checkpoint


def test_files_with_a_matrix_for_each_head_are_the_same_model(tmp_path: Path) -> None:
    write_gguf(split(open_checkpoint(V3)), tmp_path / "model.gguf")
    names = {tensor.name: tensor.shape.tolist()[::-1] for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    assert names["blk.1.attn_k_b.weight"] == [N_HEADS, RANK, N_PLAIN]
    assert relative_difference(logits_of(tmp_path / "model.gguf", IDS), logits_of(V3, IDS)) < 1e-5


def test_such_files_are_not_written_over(tmp_path: Path) -> None:
    write_gguf(split(open_checkpoint(V3)), tmp_path / "model.gguf")
    with pytest.raises(UnsupportedModelError, match="attn_k_b"):
        quantized(open_checkpoint(tmp_path / "model.gguf"), "q8_0")


@pytest.mark.parametrize("name", NAMES)
def test_steps_that_are_fused_give_what_single_ones_give(name: str) -> None:
    text = Text(family_oracle(name).token_ids)
    (fused,), (plain,) = (AdaptedModel(DATA / name, fuse=fuse).logits(text) for fuse in (True, False))
    assert relative_difference(fused, plain) < 1e-5


@pytest.mark.parametrize(
    "fields",
    [
        {"routed_scaling_factor": 1.0},
        {"norm_topk_prob": False},
        {"n_group": 2, "topk_group": 1},
        {"n_group": 1, "topk_group": 1},
        {"num_experts_per_tok": 2},
        {"rms_norm_eps": 0.1},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}},
    ],
)
def test_every_field_counts(fields: dict[str, Any], tmp_path: Path) -> None:
    changed = logits_of(changed_folder(V3, tmp_path, **fields), IDS)
    assert np.abs(changed - logits_of(V3, IDS)).max() > 1e-2


@pytest.mark.parametrize(
    "fields",
    [
        {"num_key_value_heads": 1},
        {"moe_layer_freq": 2},
        {"qk_nope_head_dim": 25},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "mscale_all_dim": 1.0}},
    ],
)
def test_what_is_not_built_is_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError):
        build_graph(open_checkpoint(changed_folder(V3, tmp_path, **fields)))


def test_a_head_that_only_rotates_is_refused(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(V3)
    checkpoint.metadata._file._values["deepseek2.rope.dimension_count"] = N_PLAIN + N_ROTATED
    with pytest.raises(UnsupportedModelError, match="32 of 32 elements"):
        build_graph(checkpoint)


def test_the_layer_that_guesses_ahead_is_left_out() -> None:
    from llmagentos.models.deepseek import FAMILY

    assert "model.layers.61.eh_proj.weight".startswith(FAMILY.hf["DeepseekV3ForCausalLM"].unused)
    assert not "model.layers.6.mlp.gate.weight".startswith(FAMILY.hf["DeepseekV3ForCausalLM"].unused)
