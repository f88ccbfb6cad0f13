"""Folders whose files are not quite as today's transformers writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from llmagentos import ModelFormatError, UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .families import DATA, changed_folder
from .hf_copy import read_tensors, write_folder


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
    offsets = [len(data) - end, len(data) - end + 4]
    header["transformer.h.0.attn.attention.masked_bias"] = {"dtype": "F32", "shape": [1], "data_offsets": offsets}
    encoded = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(encoded).to_bytes(8, "little") + encoded + data[end:] + bytes(4))
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


def test_an_index_beside_whole_weights_is_of_what_was_there_before(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "llama-plain", tmp_path)
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert open_checkpoint(folder).tensors.names() == open_checkpoint(DATA / "llama-plain").tensors.names()


def test_a_tied_head_that_was_trained_by_itself_is_the_models_head(tmp_path: Path) -> None:
    """As transformers has it; one with the embedding's values is the embedding."""
    name, tensors = "model.embed_tokens.weight", read_tensors(DATA / "llama-plain")
    for factor in (1, 2):
        kind, embedding = tensors[name]
        (folder := tmp_path / str(factor)).mkdir()
        write_folder(folder, DATA / "llama-plain", tensors | {"lm_head.weight": (kind, embedding * factor)})
        checkpoint = open_checkpoint(folder)
        build_graph(checkpoint)
        assert checkpoint.has_tensor("output.weight") == (factor == 2)


@pytest.mark.parametrize(
    ("case", "source"),
    [
        ("llama-plain", "model.layers.0.self_attn.q_proj.weight"),
        ("gpt2-plain", "transformer.h.0.mlp.c_fc.weight"),
        ("phi3-window", "model.layers.0.mlp.gate_up_proj.weight"),
    ],
)
def test_a_tensor_of_another_number_of_dimensions_is_refused(case: str, source: str, tmp_path: Path) -> None:
    tensors = read_tensors(DATA / case)
    kind, values = tensors[source]
    for shape in ((), (values.size,), (1, *values.shape)):
        (folder := tmp_path / str(len(shape))).mkdir()
        write_folder(
            folder, DATA / case, tensors | {source: (kind, values.reshape(-1)[: math.prod(shape)].reshape(shape))}
        )
        with pytest.raises(UnsupportedModelError, match=r"shape|rows"):
            build_graph(open_checkpoint(folder))


@pytest.mark.parametrize(
    ("case", "source"), [("bart-plain", "model.shared.weight"), ("marian-banned", "final_logits_bias")]
)
def test_a_tensor_without_dimensions_is_refused(case: str, source: str, tmp_path: Path) -> None:
    tensors = read_tensors(DATA / case)
    kind, values = tensors[source]
    copy(DATA / case / "generation_config.json", tmp_path)
    with pytest.raises(UnsupportedModelError):
        build_graph(
            open_checkpoint(write_folder(tmp_path, DATA / case, tensors | {source: (kind, values.reshape(-1)[0])}))
        )


@pytest.mark.parametrize(
    ("case", "source"),
    [
        ("qwen2-plain", "model.layers.1.self_attn.q_proj.bias"),
        ("qwen3-plain", "model.layers.1.self_attn.k_norm.weight"),
        ("bart-plain", "model.decoder.layers.0.fc1.bias"),
        ("bert-plain", "encoder.layer.1.output.LayerNorm.bias"),
    ],
)
def test_what_other_layers_have_may_lack_in_none(case: str, source: str, tmp_path: Path) -> None:
    tensors = read_tensors(DATA / case)
    del tensors[source]
    if (DATA / case / "generation_config.json").exists():
        copy(DATA / case / "generation_config.json", tmp_path)
    with pytest.raises(UnsupportedModelError, match="which other layers have"):
        build_graph(open_checkpoint(write_folder(tmp_path, DATA / case, tensors)))


@pytest.mark.parametrize("case", ["qwen3-plain", "qwen3moe-plain", "olmoe-plain", "olmo2-plain", "gemma3-plain"])
def test_norms_of_queries_that_the_architecture_has_must_be_there(case: str, tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in read_tensors(DATA / case).items() if "q_norm" not in name}
    with pytest.raises(UnsupportedModelError, match=r"attn_q_norm\.weight, which the architecture needs"):
        build_graph(open_checkpoint(write_folder(tmp_path, DATA / case, tensors)))


@pytest.mark.parametrize("case", ["gemma3-pictures", "mistral3-pictures", "mistral3-ministral3"])
def test_the_text_part_of_a_model_that_sees_pictures_may_be_inside_another_name(case: str, tmp_path: Path) -> None:
    """As transformers has the modules since 4.52, and some programs save them."""

    def inside(name: str) -> str:
        if "lm_head" in name:
            return name.removeprefix("language_model.")
        return name if name == "__metadata__" else "model." + name.replace("language_model.model.", "language_model.")

    found, usual = open_checkpoint(renamed(DATA / case, tmp_path, inside)), open_checkpoint(DATA / case)
    build_graph(found)
    assert found.tensors.names() == usual.tensors.names()
