from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.backends.cpu import CpuBackend
from llmagentos.backends.protocol import RaggedBatch
from llmagentos.errors import InvalidRequestError, ModelFormatError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.gguf import open_gguf
from llmagentos.formats.tensors import decoded
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.quantization.gguf_file import quantized
from llmagentos.quantization.imatrix import Imatrix, Importance, collect
from tests.models.families import DATA
from tests.models.gguf_files import write_gguf
from tests.models.tiny_models import TINY

from .tiny_folder import llama_weights, write_folder

Floats = NDArray[Any]
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


def test_each_expert_has_the_inputs_of_the_tokens_that_came_to_it() -> None:
    """Texts of one token, for which attention is its value: the rest of the layer is easily computed."""
    checkpoint = open_checkpoint(DATA / "mixtral-plain")
    weights = {name: decoded(checkpoint.tensors, name).astype(np.float64) for name in checkpoint.tensors.names()}
    eps = checkpoint.metadata.number("attention.layer_norm_rms_epsilon")

    def normed(x: Floats, name: str) -> Floats:
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weights[f"blk.0.{name}.weight"]

    ids = np.arange(20)
    x = weights["token_embd.weight"][ids]
    v = (normed(x, "attn_norm") @ weights["blk.0.attn_v.weight"].T).reshape(len(ids), 2, -1)
    x = x + v.repeat(2, axis=1).reshape(len(ids), -1) @ weights["blk.0.attn_output.weight"].T
    h = normed(x, "ffn_norm")
    chosen = np.argsort(-(h @ weights["blk.0.ffn_gate_inp.weight"].T), axis=1)[:, :2]
    for n_threads in (1, 3):
        found = squares_of(checkpoint, ids, n_threads)
        for expert in range(4):
            rows = h[(chosen == expert).any(axis=1)]
            gate, up = (rows @ weights[f"blk.0.ffn_{part}_exps.weight"][expert].T for part in ("gate", "up"))
            inputs = {"gate": rows, "up": rows, "down": gate / (1 + np.exp(-gate)) * up}
            for part, values in inputs.items():
                sums, counts = found[f"blk.0.ffn_{part}_exps.weight"]
                assert counts[expert] == len(rows)
                np.testing.assert_allclose(sums[expert], (values**2).sum(0), rtol=1e-4)


def squares_of(checkpoint: Checkpoint, ids: Floats, n_threads: int) -> dict[str, tuple[Floats, Floats]]:
    """Of texts of one token each, in two batches."""
    backend = CpuBackend(
        build_graph(checkpoint),
        checkpoint.tensors,
        threads=n_threads,
        n_blocks=len(ids),
        kv_dtype="f32",
        observe_inputs=True,
    )
    for part in (ids[:2], ids[2:]):
        n = np.arange(len(part), dtype=np.int32)
        backend.run(
            RaggedBatch(
                part.astype(np.int32), np.zeros_like(n), np.arange(len(part) + 1, dtype=np.int32), n[:, None], n
            )
        )
    return backend.input_squares()


def test_experts_are_weighed_by_their_own_inputs(tmp_path: Path) -> None:
    write_gguf(open_checkpoint(DATA / "mixtral-plain"), tmp_path / "model.gguf")
    checkpoint = open_gguf(tmp_path / "model.gguf")
    found = collect(checkpoint, TEXT, threads=1)
    stacks = {name for name in checkpoint.tensors.names() if "_exps" in name}
    assert {name for name in found.importances if "_exps" in name} == stacks != set()
    assert all(found.importances[name].sums.shape[0] == len(found.importances[name].counts) == 4 for name in stacks)
    found.save(tmp_path / "i.gguf")
    quantized(checkpoint, "q4_0", imatrix=Imatrix.load(tmp_path / "i.gguf")).write(tmp_path / "a.gguf")
    quantized(checkpoint, "q4_0").write(tmp_path / "b.gguf")
    first, second = open_gguf(tmp_path / "a.gguf").tensors, open_gguf(tmp_path / "b.gguf").tensors
    assert any((first.blocks(name) != second.blocks(name)).any() for name in stacks)


def test_projections_that_a_file_holds_together_are_weighed_together(tmp_path: Path) -> None:
    write_gguf(open_checkpoint(DATA / "gpt2-plain"), tmp_path / "model.gguf")
    found = collect(open_checkpoint(tmp_path / "model.gguf"), TEXT, threads=1)
    assert {"blk.0.attn_qkv.weight", "blk.0.attn_output.weight"} < found.importances.keys()
    assert not any("attn_q." in name for name in found.importances)
    quantized(open_gguf(tmp_path / "model.gguf"), "q4_0", imatrix=found).write(tmp_path / "a.gguf")


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


def dat(entries: dict[str, NDArray[np.float32]], end: bytes = b"") -> bytes:
    """As llama.cpp wrote it before GGUF."""
    parts = [struct.pack("<i", len(entries))]
    for name, values in entries.items():
        flat = values.astype("<f4").tobytes()
        parts.append(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", 3, len(flat) // 4) + flat)
    return b"".join(parts) + end


def test_the_form_before_gguf_is_read(tmp_path: Path) -> None:
    """A stack's matrices lie one after the other."""
    rng = np.random.default_rng(0)
    sums = {"blk.0.ffn_up.weight": rng.random(32), "blk.0.ffn_up_exps.weight": rng.random((4, 32))}
    (tmp_path / "i.dat").write_bytes(dat(sums, struct.pack("<ii", 7, 3) + b"abc"))
    found = Imatrix.load(tmp_path / "i.dat")
    assert (found.datasets, found.n_windows) == (["abc"], 7)
    for name, n in (("blk.0.ffn_up.weight", 1), ("blk.0.ffn_up_exps.weight", 4)):
        importance = found.importances[name].of(n)
        np.testing.assert_array_equal(importance.sums, sums[name].reshape(n, 32).astype(np.float32))
        assert importance.counts.tolist() == [3] * n
    (tmp_path / "i.dat").write_bytes(dat(sums))
    assert Imatrix.load(tmp_path / "i.dat").importances.keys() == sums.keys()


def test_both_forms_give_the_same_file(tmp_path: Path) -> None:
    checkpoint = open_gguf(SOURCE)
    found = collect(checkpoint, TEXT)
    (tmp_path / "i.dat").write_bytes(dat({name: one.sums for name, one in found.importances.items()}))
    for name, imatrix in (("a", found), ("b", Imatrix.load(tmp_path / "i.dat"))):
        quantized(checkpoint, "q4_k_m", imatrix=imatrix).write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file ends where 4 bytes"),
        (struct.pack("<i", 0), r"0 is not in 1\.\.1048576 at byte 0"),
        (struct.pack("<ii", 1, -5), "-5 is not in"),
        (dat({"x": np.ones(4)})[:-1], "the file ends where 16 bytes"),
        (dat({"x": np.ones(4)}, struct.pack("<ii", 1, 0) + b"x"), "bytes behind the end"),
        (dat({"x": np.full(4, np.nan)}), "the sums of x are not all finite"),
    ],
)
def test_a_broken_file_of_the_form_before_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "i.dat").write_bytes(data)
    with pytest.raises(ModelFormatError, match=reason):
        Imatrix.load(tmp_path / "i.dat")
