"""GGUF checkpoints in several files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.gguf_splits import split_gguf
from tests.hf_folders import write_llama
from tests.mapped_pages import resident_bytes
from tests.models.logits import logits_of
from tests.models.tiny_models import TINY

from llmagentos import LLM, SamplingParams
from llmagentos.backends.cpu import CpuBackend
from llmagentos.errors import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.gguf import open_gguf
from llmagentos.gguf_names import only_model
from llmagentos.market import resolve
from llmagentos.models import build_graph, open_checkpoint
from llmagentos.quantization.gguf_file import quantized

SOURCE = TINY / "llama_f32.gguf"
IDS = np.arange(3, 40, dtype=np.int32)


@pytest.mark.parametrize("first_is_small", [False, True])
def test_any_part_opens_all(first_is_small: bool, tmp_path: Path) -> None:
    parts = split_gguf(SOURCE, tmp_path, first_is_small=first_is_small)
    assert len(parts) > 2
    expected = logits_of(SOURCE, IDS)
    for part in (parts[0], parts[-1]):
        np.testing.assert_array_equal(logits_of(part, IDS), expected)
    whole, opened = open_gguf(SOURCE), open_gguf(parts[1])
    assert opened.path == parts[0]
    assert (opened.name, opened.weight_bytes) == (whole.name, whole.weight_bytes)
    assert opened.tokenizer.encode("Hello world") == whole.tokenizer.encode("Hello world")


def test_a_folder_of_one_models_parts_is_that_model(tmp_path: Path) -> None:
    parts = split_gguf(SOURCE, tmp_path)
    (tmp_path / "README.md").write_text("about the model")
    assert resolve(tmp_path) == only_model(tmp_path) == parts[0]
    params = SamplingParams(temperature=0, max_tokens=4)
    with LLM(tmp_path, threads=1) as llm, LLM(SOURCE, threads=1) as whole:
        assert llm.generate("Bread", params) == whole.generate("Bread", params)
    (tmp_path / "mmproj-F16.gguf").write_bytes(b"what pictures are seen by")
    assert resolve(tmp_path) == parts[0]
    shutil.copy(SOURCE, tmp_path / "other.gguf")
    assert only_model(tmp_path) is None
    with pytest.raises(UnsupportedModelError, match="with those of several models"):
        resolve(tmp_path)


def test_a_copy_of_all_parts_is_one_file(tmp_path: Path) -> None:
    parts = split_gguf(SOURCE, tmp_path)
    quantized(open_gguf(parts[0]), None).write(tmp_path / "whole.gguf")
    assert open_gguf(tmp_path / "whole.gguf").path == tmp_path / "whole.gguf"
    np.testing.assert_array_equal(logits_of(tmp_path / "whole.gguf", IDS), logits_of(SOURCE, IDS))


def test_packed_weights_of_parts_are_in_memory_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    folder = open_checkpoint(write_llama(tmp_path / "folder", 20_000, None))
    quantized(folder, None).write(tmp_path / "whole.gguf")
    parts = split_gguf(tmp_path / "whole.gguf", tmp_path, name="part")
    checkpoint = open_checkpoint(parts[0])
    backend = CpuBackend(build_graph(checkpoint), checkpoint.tensors, threads=1, n_blocks=1)
    assert backend.weight_bytes > 10e6
    assert sum(map(resident_bytes, parts)) < 1e6
    backend.close()


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    parts = split_gguf(SOURCE, tmp_path)
    parts[1].unlink()
    with pytest.raises(
        ModelFormatError, match=rf"{parts[1].name}: there is no such file, which is part 2 of"
    ) as caught:
        open_gguf(parts[2])
    assert caught.value.path == str(parts[1])
    with pytest.raises(ModelNotFoundError):
        open_gguf(parts[1])


def test_a_part_of_another_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    parts = split_gguf(SOURCE, tmp_path)
    others = split_gguf(TINY / "gemma3_q8_0.gguf", tmp_path / "other")
    mine = parts[1].read_bytes()
    shutil.copy(others[1], parts[1])
    with pytest.raises(ModelFormatError, match=rf"{parts[1].name}: it is part 2 of .*, as {parts[0].name} has it"):
        open_gguf(parts[0])
    shutil.copy(parts[2], parts[1])
    with pytest.raises(ModelFormatError, match=rf"{parts[1].name}: it is part 3 of .*, not part 2"):
        open_gguf(parts[0])
    parts[1].write_bytes(mine)
    changed = parts[2].read_bytes().replace(open_gguf(parts[0]).tensors.names()[-1].encode(), b"token_embd.weight")
    parts[2].write_bytes(changed)
    with pytest.raises(ModelFormatError, match=str(parts[2])):
        open_gguf(parts[0])


def test_a_part_must_be_called_what_it_is(tmp_path: Path) -> None:
    parts = split_gguf(SOURCE, tmp_path)
    renamed = parts[0].rename(tmp_path / "renamed.gguf")
    with pytest.raises(ModelFormatError, match=r"renamed.gguf: it says that it is part 1 of \d, which is not what its"):
        open_gguf(renamed)
