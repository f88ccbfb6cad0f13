"""Checkpoints as GGUF files: the numbers they hold, and that a folder's logits are those of its file, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from llmagentos._core import quant
from llmagentos._core.formats import GgufFile
from llmagentos.errors import InvalidRequestError
from llmagentos.formats.gguf import open_gguf
from llmagentos.formats.tensors import decoded
from llmagentos.models import open_checkpoint
from llmagentos.quantization.gguf_file import quantized
from llmagentos.quantization.imatrix import Imatrix, Importance
from llmagentos.quantization.load import packing_of
from llmagentos.quantization.mixes import MIXES
from tests.models.logits import logits_of
from tests.models.tiny_models import TINY

from .tiny_folder import HIDDEN, VOCAB, llama_config, llama_weights, write_folder

IDS = np.random.default_rng(1).integers(0, VOCAB, 40).astype(np.int32)
TINY_F32 = TINY / "llama_f32.gguf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("llama"), llama_weights())


def test_a_folders_file_has_its_logits(folder: Path, tmp_path: Path) -> None:
    quantized(open_checkpoint(folder), "f32").write(tmp_path / "a.gguf")
    np.testing.assert_array_equal(logits_of(tmp_path / "a.gguf", IDS), logits_of(folder, IDS))


def test_scaled_rotations_and_bf16_come_along(tmp_path: Path) -> None:
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    config = llama_config(rope_scaling=scaling | {"original_max_position_embeddings": 32}, rope_theta=500000.0)
    weights = {name: (values.view(np.uint32) >> 16).astype(np.uint16) for name, values in llama_weights().items()}
    write_folder(tmp_path, weights, config)
    quantized(open_checkpoint(tmp_path), None).write(tmp_path / "a.gguf")
    formats = {tensor.name: tensor.dtype for tensor in GgufFile(tmp_path / "a.gguf").tensors}
    assert (formats["blk.0.attn_q.weight"], formats["blk.0.attn_norm.weight"]) == ("BF16", "F32")
    np.testing.assert_array_equal(logits_of(tmp_path / "a.gguf", IDS), logits_of(tmp_path, IDS))


@pytest.mark.parametrize("name", ["llama_k", "gemma3_q8_0", "llama_f32"])
def test_a_copy_of_a_file_has_its_metadata_and_blocks(name: str, tmp_path: Path) -> None:
    source = TINY / f"{name}.gguf"
    quantized(open_gguf(source), None).write(tmp_path / "a.gguf")
    before, after = GgufFile(source), GgufFile(tmp_path / "a.gguf")
    assert after.keys() == [*before.keys(), *(set(after.keys()) - set(before.keys()))]
    keys = before.keys()
    for key in keys:
        assert after.value_type(key) == before.value_type(key)
        assert read(after, key) == read(before, key)
    assert after.tensor_names() == before.tensor_names()
    for tensor in before.tensors:
        assert after.tensor_data(tensor.name) == before.tensor_data(tensor.name)


def read(file: GgufFile, key: str) -> Any:
    return file.get(key) if file.array_length(key) is None else file.array(key)


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_holds_what_the_encoders_give(mix: str, folder: Path, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(folder)
    quantized(checkpoint, mix, threads=2).write(tmp_path / "a.gguf")
    for tensor in gguf.GGUFReader(tmp_path / "a.gguf").tensors:
        values = decoded(checkpoint.tensors, tensor.name)
        rows = [quant.quantize(row, tensor.tensor_type.name) for row in np.atleast_2d(values)]
        assert tensor.data.tobytes() == b"".join(rows)


@pytest.mark.parametrize("mix", ["q8_0", "q4_k_m", "bf16"])
def test_a_model_quantised_at_load_is_the_file_that_would_be_written(mix: str, folder: Path, tmp_path: Path) -> None:
    quantized(open_checkpoint(folder), mix).write(tmp_path / "a.gguf")
    written = logits_of(tmp_path / "a.gguf", IDS)
    np.testing.assert_array_equal(logits_of(folder, IDS, quantize=mix), written)


def test_packing_tells_the_bytes_of_each_format(folder: Path) -> None:
    packing = packing_of(open_checkpoint(folder), "q8_0")
    n_matrix_values = sum(values.size for values in llama_weights().values() if values.ndim == 2)
    assert packing.bytes_per_format == {"Q8_0": n_matrix_values // 32 * 34, "F32": 5 * HIDDEN * 4}
    assert packing_of(open_checkpoint(folder), None).bytes_per_format == open_checkpoint(folder).bytes_per_format


def test_what_is_quantised_already_is_refused_unless_told_to_go_on(tmp_path: Path) -> None:
    checkpoint = open_gguf(TINY / "llama_q4_0.gguf")
    for attempt in (lambda: quantized(checkpoint, "q4_k_m"), lambda: packing_of(checkpoint, "q8_0")):
        with pytest.raises(InvalidRequestError, match=r"is quantised already: .* is Q4_0"):
            attempt()
    quantized(checkpoint, "q8_0", requantize=True).write(tmp_path / "a.gguf")
    assert GgufFile(tmp_path / "a.gguf").bytes_per_dtype.keys() == {"Q8_0", "F32"}
    quantized(checkpoint, "f32").write(tmp_path / "b.gguf")  # loses nothing
    name = "blk.0.ffn_up.weight"
    np.testing.assert_array_equal(
        decoded(open_gguf(tmp_path / "b.gguf").tensors, name), decoded(checkpoint.tensors, name)
    )


def test_a_value_that_cannot_be_held_is_named(tmp_path: Path) -> None:
    weights = llama_weights()
    weights["lm_head.weight"][3, 5] = 1e6
    write_folder(tmp_path, weights)
    with pytest.raises(InvalidRequestError, match=r"output\.weight: the value 1000000\.0+ in column 5 .* in F16"):
        quantized(open_checkpoint(tmp_path), "f16").write(tmp_path / "a.gguf")
    assert not list(tmp_path.glob("*gguf*"))


def test_stopping_between_tensors_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def stop(n_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantized(open_checkpoint(folder), "q8_0", progress=stop).write(tmp_path / "a.gguf")
    assert list(tmp_path.iterdir()) == []


def test_progress_tells_all_bytes_of_the_tensors(folder: Path, tmp_path: Path) -> None:
    told: list[int] = []
    output = quantized(open_checkpoint(folder), "q8_0", progress=told.append)
    output.write(tmp_path / "a.gguf")
    assert sum(told) == output.weight_bytes


def importances() -> Iterator[tuple[str, Importance]]:
    for i in range(2):
        yield f"blk.{i}.ffn_up.weight", Importance(np.linspace(0, 9, HIDDEN, dtype=np.float32)[None] ** 2, np.ones(1))


def test_importance_lowers_the_error_where_it_matters(folder: Path, tmp_path: Path) -> None:
    checkpoint, imatrix = open_checkpoint(folder), Imatrix(dict(importances()))
    quantized(checkpoint, "q4_0").write(tmp_path / "a.gguf")
    quantized(checkpoint, "q4_0", imatrix=imatrix).write(tmp_path / "b.gguf")
    name = "blk.1.ffn_up.weight"
    values, weights = decoded(checkpoint.tensors, name), imatrix.importances[name].weights()
    plain, weighted = (
        float((weights * (decoded(open_gguf(tmp_path / file).tensors, name) - values) ** 2).sum())
        for file in ("a.gguf", "b.gguf")
    )
    assert weighted < 0.9 * plain


def test_importances_of_another_model_are_refused(folder: Path) -> None:
    for name, columns in (("blk.7.ffn_up.weight", HIDDEN), ("blk.0.ffn_up.weight", 8)):
        imatrix = Imatrix({name: Importance(np.ones((1, columns), np.float32), np.ones(1, np.float32))})
        with pytest.raises(InvalidRequestError, match="another model's"):
            quantized(open_checkpoint(folder), "q4_0", imatrix=imatrix)
