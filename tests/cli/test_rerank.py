from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from llmagentos import LLM
from llmagentos.cli import main
from tests.encoder_folders import encoder_folder

DOCUMENTS = ["the cat eats", "bread is baked in the oven", "a dog runs"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return encoder_folder(tmp_path / "model", "bert-cross")


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(["rerank", *arguments])
    return caught.value.code or 0


def test_documents_are_printed_best_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("where is bread", *DOCUMENTS, "-m", str(folder)) == 0
    with LLM(folder) as llm:
        ranking = llm.rerank("where is bread", DOCUMENTS)
    assert capsys.readouterr().out.splitlines() == [f"{found.score:.4f}\t{found.document}" for found in ranking]


def test_documents_are_lines_of_standard_input_and_come_as_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(DOCUMENTS)))
    assert run("where is bread", "-m", str(folder), "--top", "2", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with LLM(folder) as llm:
        ranking = llm.rerank("where is bread", DOCUMENTS, top_n=2)
    assert lines == [{"index": r.index, "score": r.score, "document": r.document} for r in ranking]
