from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from llmagentos import LLM
from llmagentos.cli import main
from tests.encoder_folders import encoder_folder
from tests.folder_models import files_of_model

TEXTS = ["the cat", "bread is baked"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = {"prompts": {"query": "what is "}}
    return encoder_folder(tmp_path / "model", modules=("Transformer", "Pooling"), settings=settings, max_length=8)


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(["embed", *arguments])
    return caught.value.code or 0


def test_each_text_is_a_line_of_json_with_the_very_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*TEXTS, "-m", str(folder)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["index"] for line in lines] == [0, 1]
    with LLM(folder) as llm:
        np.testing.assert_array_equal(np.array([line["embedding"] for line in lines], np.float32), llm.embed(TEXTS))


def test_lines_of_standard_input_go_to_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("cat\ndog\n"))
    assert run("-m", str(folder), "--prompt", "query", "-o", str(tmp_path / "out.npy")) == 0
    assert capsys.readouterr().out == ""
    with LLM(folder) as llm:
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), llm.embed(["cat", "dog"], prompt_name="query"))


def test_a_terminal_is_told_how_far_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(*TEXTS, "-m", str(folder), "-o", str(tmp_path / "out.npy")) == 0
    with LLM(folder) as llm:
        n_tokens = sum(len(llm.tokenize(text)) for text in TEXTS)
    assert capsys.readouterr().err == f"\rtoken {n_tokens} of {n_tokens}\n"


def test_a_model_with_a_decoder_makes_no_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    with files_of_model("bart-plain"):
        assert run("a", "-m", "bart") == 1
    assert "makes no vectors of texts" in capsys.readouterr().err


def test_a_long_text_is_an_error_that_names_the_option(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("the cat " * 9, "-m", str(folder)) == 1
    assert "give --truncate to leave its end out" in capsys.readouterr().err
    assert run("the cat " * 9, "-m", str(folder), "--truncate") == 0


def test_a_file_of_another_kind_is_refused_before_the_model_is_opened(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a", "-m", "no/such/model.gguf", "-o", "out.csv") == 1
    assert "--output out.csv is not valid" in capsys.readouterr().err
