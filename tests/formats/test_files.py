"""A name in a model's folder that is a pipe's is refused: whoever opened it would wait for good."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.hf_folders import write_llama

from llmagentos.errors import LLMAgentOSError, ModelFormatError
from llmagentos.formats.files import read_text
from llmagentos.models import open_checkpoint
from llmagentos.quantization.imatrix import Imatrix

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")


@contextmanager
def not_waiting() -> Iterator[None]:
    """Ends what would otherwise never end."""

    def give_up(*_: object) -> None:
        raise AssertionError("it waits for the pipe")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("name", "instead_of"),
    [
        ("config.json", None),
        ("generation_config.json", None),
        ("chat_template.jinja", None),
        ("model.safetensors", None),
        ("model.safetensors.index.json", "model.safetensors"),
        ("tokenizer.json", None),
        ("tokenizer_config.json", None),
        ("tokenizer.model", "tokenizer.json"),
    ],
)
def test_a_pipe_in_a_folder_is_refused(tmp_path: Path, name: str, instead_of: str | None) -> None:
    folder = write_llama(tmp_path, 600, "byte_level")
    (folder / (instead_of or name)).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with not_waiting(), pytest.raises(LLMAgentOSError, match=rf"{name}: it is not a regular file$"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("kind", "name", "beside"),
    [("GPT2", "merges.txt", "vocab.json"), ("GPT2", "vocab.json", "merges.txt"), ("Bert", "vocab.txt", "")],
)
def test_a_pipe_in_place_of_a_vocabulary_is_refused(tmp_path: Path, kind: str, name: str, beside: str) -> None:
    folder = write_llama(tmp_path, 600, None)
    (folder / "tokenizer_config.json").write_text(f'{{"tokenizer_class": "{kind}Tokenizer"}}')
    os.mkfifo(folder / name)
    if beside:
        (folder / beside).write_text("{}" if beside.endswith("json") else "")
    with not_waiting(), pytest.raises(LLMAgentOSError, match=rf"{name}: it is not a regular file$"):
        open_checkpoint(folder)


def test_a_pipe_in_place_of_importances_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "imatrix")
    with not_waiting(), pytest.raises(LLMAgentOSError, match="is not a regular file"):
        Imatrix.load(tmp_path / "imatrix")


def test_other_things_than_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull), tmp_path / "missing"):
        with pytest.raises(OSError, match=path.name):
            read_text(path)


def test_lines_end_alike_and_other_bytes_are_the_files_fault(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb\rc")
    assert read_text(tmp_path / "text") == "a\nb\nc"
    folder = write_llama(tmp_path / "folder", 600, "byte_level")
    (folder / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(ModelFormatError, match=r"chat_template\.jinja is no UTF-8"):
        open_checkpoint(folder)
