"""Folders whose files are not quite as today's transformers writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from llmagentos import ModelFormatError, UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .families import DATA, changed_folder


def renamed(path: Path, to: Path, name: Callable[[str], str]) -> Path:
    """A case's model with other names of its tensors, in the folder `to`."""
    data = (path / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = {name(key): entry for key, entry in json.loads(data[8:end]).items()}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    (to / "model.safetensors").write_bytes(len(encoded).to_bytes(8, "little") + encoded + data[end:])
    copy(path / "config.json", to)
    return to


@pytest.mark.parametrize(
    ("case", "prefix"),
    [
        ("gpt2-plain", "transformer."),
        ("bloom-plain", "transformer."),
        ("opt-plain", "model."),
        ("mpt-plain", "transformer."),
    ],
)
def test_the_prefix_of_the_names_may_be_absent(case: str, prefix: str, tmp_path: Path) -> None:
    usual = open_checkpoint(DATA / case)
    bare = open_checkpoint(renamed(DATA / case, tmp_path, lambda name: name.removeprefix(prefix)))
    assert bare.tensors.names() == usual.tensors.names()
    for name in usual.tensors.names():
        np.testing.assert_array_equal(bare.tensors.blocks(name), usual.tensors.blocks(name))


def test_the_head_of_older_gpt_neox_files_is_found(tmp_path: Path) -> None:
    folder = renamed(DATA / "gpt-neox-plain", tmp_path, lambda name: name.replace("lm_head", "embed_out"))
    found = open_checkpoint(folder)
    build_graph(found)
    assert found.tensors.names() == open_checkpoint(DATA / "gpt-neox-plain").tensors.names()


def test_buffers_of_older_files_are_left_aside(tmp_path: Path) -> None:
    folder = renamed(DATA / "gpt-neo-plain", tmp_path, lambda name: name)
    data = (folder / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["transformer.h.0.attn.attention.masked_bias"] = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    encoded = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(encoded).to_bytes(8, "little") + encoded + data[end:])
    found = open_checkpoint(folder)
    build_graph(found)
    assert found.tensors.names() == open_checkpoint(DATA / "gpt-neo-plain").tensors.names()


def test_heads_that_do_not_share_a_projection_evenly_are_refused(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "falcon-40b", tmp_path, num_kv_heads=3)
    with pytest.raises(UnsupportedModelError, match="3 heads"):
        open_checkpoint(folder)


def test_a_field_of_a_section_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "mpt-plain", tmp_path, attn_config={"rope": True})
    with pytest.raises(UnsupportedModelError, match="rope=True"):
        open_checkpoint(folder)


def test_a_section_that_is_no_object_is_a_broken_file(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "mpt-plain", tmp_path, attn_config="alibi")
    with pytest.raises(ModelFormatError, match="attn_config"):
        open_checkpoint(folder)


def test_bloom_holds_what_it_was_trained_on_where_its_configuration_does_not_say(tmp_path: Path) -> None:
    assert open_checkpoint(changed_folder(DATA / "bloom-plain", tmp_path, seq_length=None)).context_length == 2048


def test_the_greatest_bias_of_mpt_is_the_files(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(changed_folder(DATA / "mpt-plain", tmp_path, attn_config={"alibi_bias_max": 16}))
    assert checkpoint.metadata.number("attention.max_alibi_bias") == 16.0


def test_falcon_holds_what_it_was_trained_on_where_its_configuration_does_not_say(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "falcon-7b", tmp_path, max_position_embeddings=None)
    assert open_checkpoint(folder).context_length == 2048


@pytest.mark.parametrize("types", [[[["global"], 10**15]], [[["global"], "2"]], [["global"]], 7, [[[{}], 2]]])
def test_kinds_of_layers_that_cannot_be_are_refused(types: object, tmp_path: Path) -> None:
    folder = changed_folder(DATA / "gpt-neo-mixed", tmp_path, attention_types=types)
    with pytest.raises(UnsupportedModelError, match="attention_"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("case", "field"),
    [
        ("llama-plain", "num_hidden_layers"),
        ("qwen3moe-plain", "num_hidden_layers"),
        ("smollm3-interval", "num_hidden_layers"),
        ("gpt2-plain", "n_layer"),
        ("distilbert-plain", "n_layers"),
        ("gpt-neo-plain", "num_layers"),
        ("t5-plain", "num_decoder_layers"),
        ("bart-plain", "encoder_layers"),
        ("bart-plain", "decoder_layers"),
    ],
)
def test_more_layers_than_tensors_are_a_broken_file(case: str, field: str, tmp_path: Path) -> None:
    """Found at once: nothing is made for a billion layers."""
    with pytest.raises(ModelFormatError, match=f"{field} says 1000000000 layers"):
        open_checkpoint(changed_folder(DATA / case, tmp_path, **{field: 10**9}))


def test_more_layers_of_a_text_part_than_tensors_are_a_broken_file(tmp_path: Path) -> None:
    text = json.loads((DATA / "llama4-pictures" / "config.json").read_text())["text_config"]
    changed = changed_folder(DATA / "llama4-pictures", tmp_path, text_config=text | {"num_hidden_layers": 10**9})
    with pytest.raises(ModelFormatError, match="num_hidden_layers says 1000000000 layers"):
        open_checkpoint(changed)


def test_a_chat_template_that_is_no_text_is_a_broken_file(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "llama-plain", tmp_path)
    (folder / "chat_template.jinja").write_bytes(b"{{ \xff }}")
    with pytest.raises(ModelFormatError, match="no UTF-8") as caught:
        open_checkpoint(folder)
    assert caught.value.offset == 3
