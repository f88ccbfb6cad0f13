"""Layers of 8-bit floats are read to the very values that their definition gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.models.logits import logits_of
from tests.quantization.tiny_folder import VOCAB, llama_config, llama_weights, write_folder

from llmagentos.errors import LLMAgentOSError, ModelFormatError, UnsupportedModelError
from llmagentos.formats.tensors import TensorSpec, decoded
from llmagentos.models import open_checkpoint

Array = NDArray[Any]
LAYER, TARGET = "model.layers.1.mlp.down_proj", "blk.1.ffn_down.weight"
SHAPE = (64, 96)
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [32, 40]}


def value_of(byte: int) -> float:
    """E4M3: a sign, four bits of exponent with a bias of 7, three of fraction; the first exponent is of subnormals."""
    sign, exponent, fraction = -1 if byte & 128 else 1, byte >> 3 & 15, byte & 7
    return sign * (fraction * 2.0**-9 if exponent == 0 else (8 + fraction) * 2.0 ** (exponent - 10))


def layer(scale_shape: tuple[int, ...], seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, SHAPE).astype(np.uint8)
    raw[raw & 127 == 127] = 0  # no NaN
    return raw, rng.uniform(1e-4, 1e-3, scale_shape).astype(np.float32)


def folder_of(to: Path, parts: dict[str, Array], settings: dict[str, Any]) -> Path:
    weights = llama_weights()
    del weights[f"{LAYER}.weight"]
    weights |= {f"{LAYER}.{name}": values for name, values in parts.items()}
    return write_folder(to, weights, llama_config(quantization_config=settings))


def expected(raw: Array, scale: Array, block: tuple[int, int]) -> Array:
    values = np.array([value_of(byte) for byte in raw.reshape(-1).tolist()], np.float32).reshape(raw.shape)
    whole = scale.repeat(block[0], 0)[: raw.shape[0]].repeat(block[1], 1)[:, : raw.shape[1]]
    return values * whole


@pytest.mark.parametrize("block", [(32, 40), (64, 96), (128, 128), (7, 96)])
def test_each_block_has_its_scale(block: tuple[int, int], tmp_path: Path) -> None:
    raw, scale = layer((-(-SHAPE[0] // block[0]), -(-SHAPE[1] // block[1])))
    settings = FP8 | {"weight_block_size": list(block), "fmt": "e4m3", "scale_fmt": "ue8m0"}
    tensors = open_checkpoint(folder_of(tmp_path, {"weight": raw, "weight_scale_inv": scale}, settings)).tensors
    assert tensors.spec(TARGET) == TensorSpec("F32", SHAPE)
    np.testing.assert_array_equal(decoded(tensors, TARGET), expected(raw, scale, block))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_matrix_may_have_one_scale_and_its_inputs_another(shape: tuple[int, ...], tmp_path: Path) -> None:
    """The latter is not used: nothing rounds them."""
    raw, scale = layer(shape)
    bf16 = (scale.view(np.uint32) >> 16).astype(np.uint16)
    parts = {"weight": raw, "weight_scale_inv": bf16, "activation_scale": bf16}
    settings = {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": None}
    rounded = (bf16.astype(np.uint32) << 16).view(np.float32).reshape(1, 1)
    tensors = open_checkpoint(folder_of(tmp_path, parts, settings)).tensors
    np.testing.assert_array_equal(decoded(tensors, TARGET), expected(raw, rounded, SHAPE))


def test_such_a_model_runs_as_the_floats_do(tmp_path: Path) -> None:
    raw, scale = layer((2, 3))
    weights, ids = llama_weights(), np.arange(30, dtype=np.int32) % VOCAB
    weights[f"{LAYER}.weight"] = expected(raw, scale, (32, 40))
    for name in ("float", "fp8"):
        (tmp_path / name).mkdir()
    floats = write_folder(tmp_path / "float", weights)
    eights = folder_of(tmp_path / "fp8", {"weight": raw, "weight_scale_inv": scale}, FP8)
    np.testing.assert_array_equal(logits_of(eights, ids), logits_of(floats, ids))


RAW, SCALE = layer((2, 3))
BOTH = {"weight": RAW, "weight_scale_inv": SCALE}


@pytest.mark.parametrize(
    ("parts", "settings", "error", "reason"),
    [
        (BOTH, FP8 | {"fmt": "e5m2"}, UnsupportedModelError, "fmt='e5m2'"),
        (BOTH, FP8 | {"scale_fmt": "ue5m3"}, UnsupportedModelError, "scale_fmt='ue5m3'"),
        (BOTH, FP8 | {"expert_dtype": "fp4"}, UnsupportedModelError, "expert_dtype='fp4'"),
        (BOTH, FP8 | {"weight_block_size": [0, 128]}, ModelFormatError, r"weight_block_size is \[0, 128\]"),
        (BOTH, FP8 | {"weight_block_size": None}, ModelFormatError, r"its scales have \[2, 3\]"),
        (BOTH, FP8 | {"weight_block_size": [64, 32]}, ModelFormatError, r"in blocks of \[64, 32\]"),
        ({"weight": RAW}, FP8, UnsupportedModelError, "F8_E4M3, which no weight can have"),
        ({"weight_scale_inv": SCALE}, FP8, ModelFormatError, "without a matrix"),
        (BOTH | {"weight": SCALE}, FP8, ModelFormatError, "without a matrix"),
    ],
)
def test_what_does_not_fit_is_refused(
    parts: dict[str, Array],
    settings: dict[str, Any],
    error: type[LLMAgentOSError],
    reason: str,
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path, parts, settings)
    with pytest.raises(error, match=reason):
        open_checkpoint(folder)
