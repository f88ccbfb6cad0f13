"""T5 in a GGUF file, under the names that llama.cpp's converter writes."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from llmagentos._core.formats import GgufFile
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.metadata import Metadata
from llmagentos.formats.tensors import GgufTensors, decoded
from llmagentos.models import build_graph, open_checkpoint

from .encoder_decoders import Runner
from .families import CASES, DATA, family_oracle

NAMES = ["t5-plain", "t5-gated"]


def write(name: str, path: Path) -> None:
    """The case's model with the keys of llama.cpp's converter, and none that it does not write."""
    checkpoint, config = open_checkpoint(DATA / name), CASES[name].config
    writer = gguf.GGUFWriter(path, "t5")
    writer.add_context_length(512)
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["d_ff"])
    writer.add_block_count(config["num_layers"])
    writer.add_decoder_block_count(config.get("num_decoder_layers", config["num_layers"]))
    writer.add_head_count(config["num_heads"])
    writer.add_key_length(config["d_kv"])
    writer.add_value_length(config["d_kv"])
    writer.add_layer_norm_eps(1e-6)
    writer.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_decoder_start_token_id(0)
    for tensor in checkpoint.tensors.names():
        writer.add_tensor(tensor, decoded(checkpoint.tensors, tensor))
    if name == "t5-gated":  # published models of this kind have a head of their own, and do not scale its input
        writer.add_tensor("output.weight", decoded(checkpoint.tensors, "token_embd.weight"))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()


@pytest.mark.parametrize("name", NAMES)
def test_names_are_those_of_llama_cpp(name: str) -> None:
    known = {gguf.TENSOR_NAMES[tensor] for tensor in gguf.MODEL_TENSORS[gguf.MODEL_ARCH.T5]}
    bodies = {text.removesuffix(".weight") for text in open_checkpoint(DATA / name).tensors.names()}
    layers = range(3)
    assert bodies <= {text.format(bid=i) for text in known for i in layers}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_the_logits_of_the_folder(name: str, tmp_path: Path) -> None:
    write(name, tmp_path / "t5.gguf")
    file = GgufFile(str(tmp_path / "t5.gguf"))
    checkpoint = Checkpoint(tmp_path, GgufTensors(file), "t5", Metadata(file, "t5"), None, None, name)
    oracle = family_oracle(name)
    ids, decoder_ids = oracle.arrays["encoder_ids"].tolist(), oracle.arrays["decoder_ids"].tolist()
    assert build_graph(checkpoint).n_nodes == build_graph(open_checkpoint(oracle.path)).n_nodes
    if name == "t5-plain":  # its buckets end at another distance than all published models', which a file cannot tell
        ids, decoder_ids = ids[:3], decoder_ids[:3]
    from_file = Runner(checkpoint).logits([ids], [decoder_ids])[0]
    np.testing.assert_array_equal(from_file, Runner(oracle.path).logits([ids], [decoder_ids])[0])
