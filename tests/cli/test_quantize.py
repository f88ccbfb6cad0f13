from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmagentos import LLM
from llmagentos._core.formats import GgufFile
from llmagentos.cli import main
from llmagentos.quantization import gguf_file
from llmagentos.quantization.imatrix import Imatrix
from tests.adapter_folders import write_adapter
from tests.models.tiny_models import TINY
from tests.quantization.tiny_folder import HIDDEN, MLP, llama_weights, write_folder

SOURCE, HALVES = (str(TINY / f"{name}.gguf") for name in ("llama_f32", "llama_untied_f16"))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["quantize", *arguments])
    return int(caught.value.code or 0)


def test_it_writes_the_file_and_tells_the_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a.gguf"
    assert run(SOURCE, str(target), "--type", "bf16", "--threads", "1") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{target}: ")
    assert " before, " in out[1]
    assert " bits each" in out[1]
    assert out[2].startswith("formats: BF16 ")
    assert GgufFile(target).get("general.file_type") == 32


def test_a_folder_becomes_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_folder(folder, llama_weights())
    assert run(str(folder), str(tmp_path / "a.gguf"), "--type", "q8_0") == 0
    assert GgufFile(tmp_path / "a.gguf").get("general.name") == "model"


def test_a_file_that_is_there_is_kept_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a.gguf"
    target.write_text("mine")
    assert run(SOURCE, str(target), "--type", "f16") == 1
    assert "is there already: --force writes over it" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert run(SOURCE, str(target), "--type", "f16", "--force") == 0
    assert GgufFile(target).get("general.file_type") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SOURCE, "{}/a.gguf", "--type", "int3"), "--type 'int3' is not valid: it must be one of f32, "),
        ((SOURCE, "{}/a.gguf", "--type", "int3"), ", copy"),
        ((SOURCE, "{}", "--type", "f16"), "is a folder: give the path"),
        ((SOURCE, SOURCE, "--type", "f16", "--force"), "is the model itself: give another file"),
        ((SOURCE, "{}/none/a.gguf"), "there is no folder"),
        ((SOURCE, "{}/a.gguf", "--imatrix", SOURCE), "no importance matrix"),
        ((str(TINY / "llama_q4_0.gguf"), "{}/a.gguf"), "would round it twice; --requantize does so"),
        ((str(TINY / "nothing.gguf"), "{}/a.gguf"), "there is no file"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(argument.format(tmp_path) for argument in arguments)) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_is_refused_before_the_model_runs_over_a_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    importances, text = tmp_path / "i.gguf", str(Path(__file__))
    wanted = ("--imatrix-from", text, "--imatrix", str(importances))
    assert run(str(TINY / "llama_q4_0.gguf"), str(tmp_path / "a.gguf"), *wanted) == 1
    assert "would round it twice" in capsys.readouterr().err
    assert not importances.exists()


def test_importances_of_a_text_are_used_and_kept(tmp_path: Path) -> None:
    text, imatrix = tmp_path / "text.txt", tmp_path / "i.gguf"
    text.write_text("Bread is older than metal; even before the bronze age people were baking it. " * 3)
    plain, learned, read = (tmp_path / f"{name}.gguf" for name in "abc")
    assert run(HALVES, str(plain), "--type", "iq4_nl") == 0
    assert run(HALVES, str(learned), "--type", "iq4_nl", "--imatrix-from", str(text), "--imatrix", str(imatrix)) == 0
    assert run(HALVES, str(read), "--type", "iq4_nl", "--imatrix", str(imatrix)) == 0
    assert Imatrix.load(imatrix).datasets == ["text.txt"]
    assert learned.read_bytes() == read.read_bytes() != plain.read_bytes()


def test_stopping_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gguf_file, "convert", stop)
    assert run(HALVES, str(tmp_path / "a.gguf"), "--type", "f16") == 130
    assert "was not written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_is_merged_into_the_weights(tmp_path: Path) -> None:
    (folder := tmp_path / "model").mkdir()
    write_folder(folder, llama_weights())
    shapes = {"model.layers.0.self_attn.q_proj": (HIDDEN, HIDDEN), "model.layers.1.mlp.up_proj": (MLP, HIDDEN)}
    adapter = write_adapter(tmp_path / "adapter", shapes)
    assert run(str(folder), str(tmp_path / "a.gguf"), "--type", "f32", "--adapter", str(adapter)) == 0
    ids = list(range(5, 60))
    with LLM(folder, threads=1, kv_dtype="f32", adapters={"a": adapter}) as unmerged:
        expected, plain = unmerged.score(ids, adapter="a"), unmerged.score(ids)
    with LLM(tmp_path / "a.gguf", threads=1, kv_dtype="f32") as merged:
        np.testing.assert_allclose(merged.score(ids), expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(plain, expected, atol=0.1)
