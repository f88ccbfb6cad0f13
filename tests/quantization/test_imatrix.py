from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from llmagentos.errors import InvalidRequestError, ModelFormatError
from llmagentos.formats.gguf import open_gguf
from llmagentos.formats.tensors import decoded
from llmagentos.models import open_checkpoint
from llmagentos.quantization.imatrix import Imatrix, Importance, collect
from tests.models.tiny_models import TINY

from .tiny_folder import llama_weights, write_folder

SOURCE = TINY / "llama_f32.gguf"
TEXT = "The mean square of what a column meets tells how much an error in it matters. " * 4


def test_the_first_layers_inputs_are_the_normalised_embeddings() -> None:
    checkpoint = open_gguf(SOURCE)
    found = collect(checkpoint, TEXT, threads=2)
    assert checkpoint.tokenizer is not None
    ids = checkpoint.tokenizer.encode(TEXT, add_special=False, parse_special=False)
    opening = checkpoint.tokenizer.encode("")
    step = found.window - len(opening)
    rows = np.concatenate([np.array(opening + ids[at : at + step]) for at in range(0, len(ids), step)])
    x = decoded(checkpoint.tensors, "token_embd.weight")[rows].astype(np.float64)
    eps = checkpoint.metadata.number("attention.layer_norm_rms_epsilon")
    x *= decoded(checkpoint.tensors, "blk.0.attn_norm.weight") / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    for name in ("attn_q", "attn_k", "attn_v"):
        importance = found.importances[f"blk.0.{name}.weight"]
        np.testing.assert_allclose(importance.sums[0], (x**2).sum(axis=0), rtol=1e-4)
        assert importance.counts.tolist() == [len(rows)]


def test_every_layer_but_the_head_is_there_whatever_the_threads() -> None:
    one, three = (collect(open_gguf(SOURCE), TEXT, threads=threads) for threads in (1, 3))
    names = {name for name in open_gguf(SOURCE).tensors.names() if name.startswith("blk.")}
    assert one.importances.keys() == {name for name in names if "norm" not in name and name.endswith("weight")}
    for name, importance in one.importances.items():
        np.testing.assert_array_equal(importance.sums, three.importances[name].sums)


def test_a_file_comes_back_and_has_llama_cpps_form(tmp_path: Path) -> None:
    found = collect(open_gguf(SOURCE), TEXT, dataset="text.txt")
    found.save(tmp_path / "i.gguf")
    read = Imatrix.load(tmp_path / "i.gguf")
    assert (read.datasets, read.n_windows, read.window) == (["text.txt"], found.n_windows, found.window)
    for name, importance in found.importances.items():
        np.testing.assert_array_equal(read.importances[name].sums, importance.sums)
        np.testing.assert_array_equal(read.importances[name].counts, importance.counts)
    reader = gguf.GGUFReader(tmp_path / "i.gguf")
    assert reader.fields["general.type"].contents() == "imatrix"
    shapes = {tensor.name: tensor.shape.tolist() for tensor in reader.tensors}
    assert shapes["blk.0.attn_q.weight.in_sum2"][1:] == [1]
    assert shapes["blk.0.attn_q.weight.counts"] == [1, 1]


def test_weights_are_positive_with_a_mean_of_one() -> None:
    sums = np.array([[0, 1, 2, 5], [0, 0, 0, 0]], np.float32)
    weights = Importance(sums, np.ones(2, np.float32)).weights()
    np.testing.assert_allclose(weights[0], [1e-4, 0.5, 1, 2.5])
    np.testing.assert_array_equal(weights[1], 1)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match="no importance matrix"):
        Imatrix.load(SOURCE)
    for sums, reason in ((np.full((1, 4), np.nan), "finite"), (np.ones((2, 4)), "2 matrices and 1 counts")):
        Imatrix({"x": Importance(sums.astype(np.float32), np.ones(1, np.float32))}).save(tmp_path / "i.gguf")
        with pytest.raises(ModelFormatError, match=reason):
            Imatrix.load(tmp_path / "i.gguf")


def test_a_model_or_a_text_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no tokenizer"):
        collect(open_checkpoint(write_folder(tmp_path, llama_weights())), TEXT)
    with pytest.raises(InvalidRequestError, match="too few"):
        collect(open_gguf(SOURCE), "")
