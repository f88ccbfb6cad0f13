"""GPTQ's and AWQ's layers are read to the very values that their definition gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.models.logits import logits_of
from tests.quantization.tiny_folder import VOCAB, llama_config, llama_weights, write_folder

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.tensors import TensorSpec, decoded
from llmagentos.models import open_checkpoint

Array = NDArray[Any]
LAYER = "model.layers.1.mlp.down_proj"
TARGET = "blk.1.ffn_down.weight"
ONES = {4: 0x11111111, 8: 0x01010101}
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def packed(values: Array, bits: int, order: tuple[int, ...] | None = None) -> Array:
    """Words along the first dimension, the first value (of `order`) lowest."""
    n = 32 // bits
    words = np.zeros((len(values) // n, *values.shape[1:]), np.uint32)
    for place, index in enumerate(order or range(n)):
        words |= values[index::n].astype(np.uint32) << np.uint32(bits * place)
    return words.view(np.int32)


class Layer:
    """A random quantised layer, and the values that it stands for."""

    def __init__(self, n_rows: int, n_cols: int, bits: int, group: int, zeros: tuple[int, int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.bits, self.group = bits, group
        self.quants = rng.integers(0, 2**bits, (n_cols, n_rows))  # [in, out], as both have it
        self.zeros = rng.integers(zeros[0], zeros[1] + 1, (n_cols // group, n_rows))
        self.scales = rng.uniform(1e-5, 0.02, self.zeros.shape).astype(np.float16)

    def values(self) -> Array:
        scales, zeros = (np.repeat(part, self.group, axis=0) for part in (self.scales, self.zeros))
        return (scales.astype(np.float32) * (self.quants - zeros).astype(np.float32)).T

    def gptq(self, offset: int) -> dict[str, Array]:
        n_cols = len(self.quants)
        return {
            "qweight": packed(self.quants, self.bits),
            "qzeros": packed(self.zeros.T, self.bits).T - np.int32(offset * ONES[self.bits]),
            "scales": self.scales,
            "g_idx": (np.arange(n_cols) // self.group).astype(np.int32),
        }

    def awq(self) -> dict[str, Array]:
        return {
            "qweight": packed(self.quants.T, 4, AWQ_ORDER).T.copy(),
            "qzeros": packed(self.zeros.T, 4, AWQ_ORDER).T.copy(),
            "scales": self.scales,
        }


def folder_of(tmp_path: Path, parts: dict[str, Array], **settings: Any) -> Path:
    weights = llama_weights()
    del weights[f"{LAYER}.weight"]
    weights |= {f"{LAYER}.{name}": values for name, values in parts.items()}
    return write_folder(tmp_path, weights, llama_config(quantization_config=settings))


def layer(bits: int = 4, zeros: tuple[int, int] = (8, 8), group: int = 32) -> Layer:
    return Layer(64, 96, bits, group, zeros, seed=3)


@pytest.mark.parametrize(
    ("bits", "zeros", "form", "dtype"),
    [
        (4, (8, 8), "gptq", "Q4_0"),
        (4, (8, 8), "gptq_v2", "Q4_0"),
        (4, (1, 15), "gptq", "Q5_0"),
        (4, (0, 15), "gptq", "Q5_0"),
        (8, (0, 255), "gptq", "F32"),
        (8, (0, 255), "gptq_v2", "F32"),
        (4, (0, 15), "gptq_v2", "Q5_0"),
        (8, (128, 128), "gptq", "Q8_0"),
    ],
)
@pytest.mark.parametrize("group", [32, 96])
def test_gptq(bits: int, zeros: tuple[int, int], form: str, dtype: str, group: int, tmp_path: Path) -> None:
    made = layer(bits, zeros, group)
    size = -1 if group == 96 else group
    parts = made.gptq(1 if form == "gptq" else 0)
    folder = folder_of(tmp_path, parts, quant_method="gptq", bits=bits, group_size=size, checkpoint_format=form)
    tensors = open_checkpoint(folder).tensors
    spec = tensors.spec(TARGET)
    assert spec is not None
    assert spec.dtype == dtype
    np.testing.assert_array_equal(decoded(tensors, TARGET), made.values())


@pytest.mark.parametrize(("zeros", "dtype"), [((8, 8), "Q4_0"), ((0, 15), "Q5_0")])
def test_awq(zeros: tuple[int, int], dtype: str, tmp_path: Path) -> None:
    made = layer(zeros=zeros)
    folder = folder_of(tmp_path, made.awq(), quant_method="awq", bits=4, group_size=32, version="gemm")
    tensors = open_checkpoint(folder).tensors
    spec = tensors.spec(TARGET)
    assert spec is not None
    assert spec.dtype == dtype
    np.testing.assert_array_equal(decoded(tensors, TARGET), made.values())


def test_rows_that_gguf_has_in_another_order_run_as_the_floats_do(tmp_path: Path) -> None:
    """Queries are permuted for GGUF: the quantised rows go along, and the model's logits tell."""
    name, made = "model.layers.0.self_attn.q_proj", Layer(64, 64, 4, 32, (0, 15), seed=4)
    weights = llama_weights()
    weights[f"{name}.weight"] = made.values() * np.float32(1)
    ids = np.arange(30, dtype=np.int32) % VOCAB
    (tmp_path / "float").mkdir()
    expected = logits_of(write_folder(tmp_path / "float", weights), ids)
    del weights[f"{name}.weight"]
    weights |= {f"{name}.{part}": values for part, values in made.awq().items()}
    config = llama_config(quantization_config={"quant_method": "awq", "bits": 4, "group_size": 32})
    found = logits_of(write_folder(tmp_path, weights, config), ids)
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()  # activations of 8 bits


def with_part(name: str, change: Any) -> dict[str, Array]:
    parts = layer().gptq(1)
    return parts | {name: change(parts[name])}


GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 32}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 32}


def test_columns_may_be_in_another_order_than_their_groups(tmp_path: Path) -> None:
    """As `desc_act` leaves them: no format has that, so the values are float32."""
    made = layer(zeros=(0, 15))
    groups = np.random.default_rng(5).permutation(np.arange(96) // 32).astype(np.int32)
    folder = folder_of(tmp_path, made.gptq(1) | {"g_idx": groups}, **GPTQ, desc_act=True)
    expected = made.scales.astype(np.float32)[groups] * (made.quants - made.zeros[groups]).astype(np.float32)
    tensors = open_checkpoint(folder).tensors
    assert tensors.spec(TARGET) == TensorSpec("F32", (64, 96))
    np.testing.assert_array_equal(decoded(tensors, TARGET), expected.T)


@pytest.mark.parametrize(
    ("group", "factor"), [(48, np.float16(1)), (32, np.float32(1.0001))], ids=["groups of 48", "float32 scales"]
)
def test_what_blocks_have_not_is_float32(group: int, factor: Any, tmp_path: Path) -> None:
    made = layer(zeros=(0, 15), group=group)
    made.scales = made.scales * factor
    tensors = open_checkpoint(folder_of(tmp_path, made.gptq(1), **GPTQ | {"group_size": group})).tensors
    assert tensors.spec(TARGET) == TensorSpec("F32", (64, 96))
    np.testing.assert_array_equal(decoded(tensors, TARGET), made.values())


def test_autogptqs_first_folders_are_read(tmp_path: Path) -> None:
    """Settings in a file of their own, without the method, and another name of the weights."""
    made = layer()
    folder = folder_of(tmp_path, made.gptq(1), **GPTQ)
    (folder / "quantize_config.json").write_text(json.dumps({"bits": 4, "group_size": 32, "desc_act": False}))
    (folder / "config.json").write_text(json.dumps(llama_config()))
    (folder / "model.safetensors").rename(folder / "gptq_model-4bit-32g.safetensors")
    np.testing.assert_array_equal(decoded(open_checkpoint(folder).tensors, TARGET), made.values())


def test_gptqmodels_configuration_is_read(tmp_path: Path) -> None:
    made = layer(zeros=(0, 15))
    given = {
        "method": "gptq",
        "format": "gptq_v2",
        "dynamic": {"-:.*q_proj.*": {}},
        "pack_dtype": "int32",
        "sym": False,
    }
    folder = folder_of(tmp_path, made.gptq(0), bits=4, group_size=32, **given)
    np.testing.assert_array_equal(decoded(open_checkpoint(folder).tensors, TARGET), made.values())


@pytest.mark.parametrize(
    ("parts", "settings", "error", "reason"),
    [
        (layer().gptq(1), {"quant_method": "bitsandbytes"}, UnsupportedModelError, "quant_method='bitsandbytes'"),
        (layer().gptq(1), GPTQ | {"bits": 3}, UnsupportedModelError, "bits=3"),
        (layer().gptq(1), GPTQ | {"checkpoint_format": "marlin"}, UnsupportedModelError, "'marlin'"),
        (layer().awq(), GPTQ | {"quant_method": "awq", "version": "gemv"}, UnsupportedModelError, "'gemv'"),
        (layer().gptq(1), GPTQ | {"group_size": True}, UnsupportedModelError, "groups of True columns"),
        (layer().gptq(1), GPTQ | {"dynamic": {"+:.*down.*": {"bits": 8}}}, UnsupportedModelError, "dynamic="),
        (layer().gptq(1), GPTQ | {"pack_dtype": "int16"}, UnsupportedModelError, "pack_dtype='int16'"),
        (layer().awq(), AWQ | {"checkpoint_format": "gemv"}, UnsupportedModelError, "'gemv'"),
        (with_part("g_idx", lambda x: x + 1), GPTQ, ModelFormatError, "does not name groups"),
        (with_part("g_idx", lambda x: x[1:].copy()), GPTQ, ModelFormatError, "does not name groups"),
        (with_part("g_idx", lambda x: x.astype(np.float32)), GPTQ, ModelFormatError, "does not name groups"),
        (with_part("g_idx", lambda x: x[0].copy()), GPTQ, ModelFormatError, "does not name groups"),
        (
            with_part("qweight", lambda x: x.astype(np.float32)),
            GPTQ,
            ModelFormatError,
            "qweight must be a matrix of 32",
        ),
        (with_part("qweight", lambda x: x[0, 0].copy()), GPTQ, ModelFormatError, r"32-bit integers, it has shape \[\]"),
        (with_part("qzeros", lambda x: x[:0].copy()), GPTQ, ModelFormatError, "qzeros must be a matrix"),
        (layer().gptq(1), GPTQ | {"bits": 4.0}, UnsupportedModelError, "bits=4.0"),
        (layer().gptq(1), GPTQ | {"dynamic": 1}, UnsupportedModelError, "dynamic=1"),
        (layer().gptq(1), GPTQ | {"adapter": {"lora": {"rank": 8}}}, UnsupportedModelError, "adapter="),
        (with_part("scales", lambda x: x[:2].copy()), GPTQ, ModelFormatError, "in groups of 32"),
    ],
)
def test_what_cannot_be_read_without_loss_is_refused(
    parts: dict[str, Array], settings: dict[str, Any], error: type[Exception], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=reason):
        open_checkpoint(folder_of(tmp_path, parts, **settings))


def test_columns_in_order_are_read_whatever_desc_act_says(tmp_path: Path) -> None:
    made = layer()
    tensors = open_checkpoint(folder_of(tmp_path, made.gptq(1), **GPTQ, desc_act=True)).tensors
    np.testing.assert_array_equal(decoded(tensors, TARGET), made.values())
