"""Gemma 3n: what its configurations, its folders and llama.cpp's files say in ways of their own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from llmagentos import ModelFormatError, UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_gemma3n import text_metadata
from llmagentos.quantization.gguf_file import quantized
from llmagentos.quantization.imatrix import collect

from .adapted import AdaptedModel, Text, relative_difference
from .families import DATA, changed_folder, family_engine, family_oracle, greedy
from .gguf_files import write_gguf
from .hf_copy import Tensors, read_tensors, write_folder
from .llamacpp import TOLERANCE, by_llamacpp
from .logits import logits_of
from .splits import SPLITS

NAMES = ["gemma3n-plain", "gemma3n-unlike", "gemma3n-whole"]
PLAIN, WHOLE = DATA / "gemma3n-plain", DATA / "gemma3n-whole"
IDS = family_oracle("gemma3n-plain").token_ids
LONG = np.random.default_rng(3).integers(0, 83, 200).astype(np.int32)


def with_keys_of_sharing_layers(tensors: Tensors, n_own: int, n_layers: int) -> Tensors:
    """With keys and values, which no layer reads, in the last layers: as published models have them."""
    more = {
        f"model.layers.{i}.self_attn.{part}.weight": tensors[f"model.layers.0.self_attn.{part}.weight"]
        for i in range(n_own, n_layers)
        for part in ("k_proj", "v_proj", "k_norm")
    }
    return tensors | more


def changed_file(checkpoint: Checkpoint, to: Path, **keys: Any) -> Path:
    """A GGUF file with other values under keys of the architecture; None takes one away."""
    values = checkpoint.metadata._file._values
    for key, value in keys.items():
        values.pop(f"gemma3n.{key}", None)
        if value is not None:
            values[f"gemma3n.{key}"] = value
    write_gguf(checkpoint, to / "model.gguf")
    return to / "model.gguf"


@pytest.mark.parametrize("name", NAMES)
def test_steps_that_are_fused_give_what_single_ones_give(name: str) -> None:
    text = Text(family_oracle(name).token_ids)
    (fused,), (plain,) = (AdaptedModel(DATA / name, fuse=fuse).logits(text) for fuse in (True, False))
    assert relative_difference(fused, plain) < 1e-5


@pytest.mark.parametrize("split", [split for split in SPLITS if split != "alone"])
def test_logits_are_bit_identical(split: str) -> None:
    alone, other = (logits_of(PLAIN, LONG, kv_dtype="f16", **SPLITS[way]) for way in ("alone", split))
    np.testing.assert_array_equal(alone.view(np.uint32), other.view(np.uint32))


@pytest.mark.parametrize(
    "fields",
    [
        {"activation_sparsity_pattern": [0.8, 0.6, 0.0, 0.0, 0.0]},
        {"altup_active_idx": 1},
        {"altup_correct_scale": False},
        {"final_logit_softcapping": 4.0},
        {"rms_norm_eps": 0.1},
        {"sliding_window": 25},
        {"layer_types": ["full_attention"] * 5},
        {"rope_parameters": {"full_attention": {"rope_theta": 100.0}, "sliding_attention": {"rope_theta": 10000.0}}},
        {"rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 100.0}}},
    ],
)
def test_every_field_counts(fields: dict[str, Any], tmp_path: Path) -> None:
    changed = logits_of(changed_folder(PLAIN, tmp_path, **fields), IDS)
    assert np.abs(changed - logits_of(PLAIN, IDS)).max() > 1e-2


@pytest.mark.parametrize(
    "fields",
    [
        {"altup_coef_clip": 1.0},
        {"query_pre_attn_scalar": 7},
        {"altup_lr_multiplier": 3.0},
    ],
)
def test_fields_of_training_change_nothing(fields: dict[str, Any], tmp_path: Path) -> None:
    np.testing.assert_array_equal(logits_of(changed_folder(PLAIN, tmp_path, **fields), IDS), logits_of(PLAIN, IDS))


def test_a_short_configuration_is_that_of_the_class() -> None:
    made = text_metadata(HfConfig("config", {}))
    expected = {
        "context_length": 32768,
        "embedding_length": 2048,
        "block_count": 35,
        "feed_forward_length": 16384,
        "attention.head_count": 8,
        "attention.head_count_kv": 2,
        "attention.key_length": 256,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.shared_kv_layers": 15,
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": [True, True, True, True, False] * 7,
        "embedding_length_per_layer_input": 256,
        "final_logit_softcapping": 30.0,
        "rope.freq_base": 1e6,
        "rope.freq_base_swa": 1e4,
        "altup.num_inputs": 4,
        "altup.active_idx": 0,
        "vocab_size": 262400,
    }
    assert {key: made[key] for key in expected} == expected
    np.testing.assert_allclose(made["activation_sparsity_scale"], [1.6448536] * 10 + [-math.inf] * 25, rtol=1e-6)


def test_of_few_layers_none_is_sparse() -> None:
    assert text_metadata(HfConfig("config", {"num_hidden_layers": 10}))["activation_sparsity_scale"] == [-math.inf] * 10


@pytest.mark.parametrize("share", [1.0, -0.1, 2.0])
def test_shares_of_activations_that_cannot_be_are_refused(share: float, tmp_path: Path) -> None:
    folder = changed_folder(PLAIN, tmp_path, activation_sparsity_pattern=[share, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(UnsupportedModelError, match="activation_sparsity_pattern"):
        open_checkpoint(folder)


def test_keys_that_nothing_reads_are_left_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, PLAIN, with_keys_of_sharing_layers(read_tensors(PLAIN), 3, 5))
    np.testing.assert_array_equal(logits_of(folder, IDS), logits_of(PLAIN, IDS))
    quantized(open_checkpoint(folder), "f32").write(tmp_path / "model.gguf")
    assert "blk.4.attn_k.weight" in {tensor.name for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    assert relative_difference(logits_of(tmp_path / "model.gguf", IDS), logits_of(PLAIN, IDS)) < 1e-6


def test_what_sees_and_hears_is_left_out(tmp_path: Path) -> None:
    """With the names that published models have."""
    usual = read_tensors(WHOLE)
    named = {name.replace("model.", "model.language_model.", 1): tensor for name, tensor in usual.items()}
    towers = ("vision_tower.timm_model.conv_stem", "audio_tower.conformer.0", "embed_vision.embedding", "embed_audio.x")
    named |= {f"model.{tower}.weight": ("F32", np.zeros((2, 2), np.float32)) for tower in towers}
    folder = write_folder(tmp_path, WHOLE, named)
    np.testing.assert_array_equal(logits_of(folder, IDS), logits_of(WHOLE, IDS))


def test_matrices_are_written_as_a_stack(tmp_path: Path) -> None:
    quantized(open_checkpoint(PLAIN), "q8_0").write(tmp_path / "model.gguf")
    shapes = {tensor.name: tensor.shape.tolist()[::-1] for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    assert shapes["altup_proj.weight"] == shapes["altup_unembd_proj.weight"] == [3, 16, 16]
    found, usual = open_checkpoint(tmp_path / "model.gguf"), open_checkpoint(PLAIN)
    assert sorted(found.tensors.names()) == sorted(usual.tensors.names())
    at_load = logits_of(PLAIN, IDS, quantize="q8_0")
    assert relative_difference(logits_of(tmp_path / "model.gguf", IDS), at_load) < 1e-6


def test_importances_of_the_model_are_measured_and_used(tmp_path: Path) -> None:
    write_gguf(open_checkpoint(PLAIN), tmp_path / "model.gguf")
    checkpoint = open_checkpoint(tmp_path / "model.gguf")
    made = collect(checkpoint, "0123456789 ABCDEF" * 20)
    assert "blk.4.attn_q.weight" in made.importances
    assert "blk.4.attn_k.weight" not in made.importances
    quantized(checkpoint, "q4_0", imatrix=made).write(tmp_path / "quantized.gguf")
    assert np.isfinite(logits_of(tmp_path / "quantized.gguf", IDS)).all()


def test_files_say_what_llamacpp_takes_for_granted_or_leave_it_out(tmp_path: Path) -> None:
    granted = {"attention.shared_kv_layers": None, "altup.num_inputs": None, "altup.active_idx": None}
    fields = {"num_kv_shared_layers": 0, "activation_sparsity_pattern": [0.95] * 5, "final_logit_softcapping": 30.0}
    folder = tmp_path / "folder"
    folder.mkdir()
    tensors = with_keys_of_sharing_layers(read_tensors(PLAIN), 3, 5)
    write_folder(folder, PLAIN, tensors, **fields)
    granted |= {"activation_sparsity_scale": None, "final_logit_softcapping": None, "rope.freq_base_swa": None}
    path = changed_file(open_checkpoint(folder), tmp_path, **granted)
    assert relative_difference(logits_of(path, IDS), logits_of(folder, IDS)) < 1e-6


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("activation_sparsity_scale", [1.0, 1.0]),
        ("activation_sparsity_scale", [math.nan] * 5),
        ("activation_sparsity_scale", 1.5),
        ("feed_forward_length", [24, 40]),
        ("feed_forward_length", [24, 40, 0, 32, 24]),
        ("attention.shared_kv_layers", 4),
        ("attention.shared_kv_layers", 6),
        ("embedding_length_per_layer_input", 2**31 - 1),
        ("altup.num_inputs", 2**31 - 1),
        ("altup.active_idx", 4),
    ],
)
def test_what_does_not_fit_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    path = changed_file(open_checkpoint(PLAIN), tmp_path, **{key: value})
    with pytest.raises((ModelFormatError, UnsupportedModelError)):
        build_graph(open_checkpoint(path))


def of_llamacpps_sizes(to: Path) -> Path:
    """A folder with random weights of the sizes that llama.cpp takes for granted. What layers add is small: else the
    rounding of llama.cpp's table of GELU grows from layer to layer."""
    n_layers, width = 25, 64
    sizes = {"num_kv_shared_layers": n_layers - 20, "laurel_rank": 64, "hidden_size_per_layer_input": 256}
    sizes |= {"hidden_size": width, "num_hidden_layers": n_layers, "intermediate_size": 1024, "head_dim": 32}
    fields = sizes | {"layer_types": None, "activation_sparsity_pattern": None, "vocab_size_per_layer_input": 83}
    fields |= {"final_logit_softcapping": 30.0}
    old, n_per_layer = read_tensors(PLAIN), n_layers * 256
    dims = {16: width, 24: 1024, 4: 64, 83: 83, 79: 83, 20: n_per_layer}
    special = {
        "per_layer_model_projection.weight": (n_per_layer, width),
        "per_layer_projection_norm.weight": (256,),
        "per_layer_input_gate.weight": (256, width),
        "per_layer_projection.weight": (width, 256),
        "self_attn.q_proj.weight": (64, width),
        "self_attn.k_proj.weight": (32, width),
        "self_attn.v_proj.weight": (32, width),
        "self_attn.o_proj.weight": (width, 64),
        "self_attn.q_norm.weight": (32,),
        "self_attn.k_norm.weight": (32,),
        "modality_router.weight": (4, width),
        "correction_coefs.weight": (4, 4),
        "prediction_coefs.weight": (16, 4),
    }
    rng, made = np.random.default_rng(0), Tensors()
    for name, (_, values) in old.items():
        if ".layers." in name and ".layers.0." not in name:
            continue
        shape = next((special[end] for end in special if name.endswith(end)), None)
        shape = shape or tuple(dims[size] for size in values.shape)
        for i in range(n_layers) if ".layers." in name else (0,):
            drawn = rng.standard_normal(shape).astype(np.float32)
            drawn = (
                1 + 0.25 * drawn if len(shape) == 1 else drawn * (0.5 if "embed" in name else 1.6 / shape[-1] ** 0.5)
            )
            small = "post_" in name or "_coefs" in name
            made[name.replace(".layers.0.", f".layers.{i}.")] = ("F32", drawn * np.float32(0.1 if small else 1.0))
    return write_folder(to, PLAIN, made, **fields)


@pytest.mark.peer
def test_llamacpp_computes_the_same(tmp_path: Path) -> None:
    folder = of_llamacpps_sizes(tmp_path)
    ids, n_new = IDS[:40], 6
    theirs = by_llamacpp(open_checkpoint(folder), ids, n_new, tmp_path)
    ours = logits_of(tmp_path / "model.gguf", ids)
    assert relative_difference(theirs["logits"], ours) < TOLERANCE
    with family_engine(tmp_path / "model.gguf", "f32") as engine:
        assert theirs["greedy"].tolist() == greedy(engine, [ids.tolist()], n_new)[0]


def test_the_folder_for_llamacpp_is_a_model_of_its_sizes(tmp_path: Path) -> None:
    folder = of_llamacpps_sizes(tmp_path)
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 25
    assert np.isfinite(logits_of(folder, IDS[:5])).all()
