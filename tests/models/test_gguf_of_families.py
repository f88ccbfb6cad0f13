"""Every family from a GGUF file: as from transformers' folder, under the names that llama.cpp's files have."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from llmagentos import UnsupportedModelError
from llmagentos.models import open_checkpoint
from llmagentos.models.fused import fused

from .families import DATA, DECODERS, family_oracle
from .gguf_files import write_gguf
from .logits import logits_of

ARCHITECTURES = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
KNOWN_KEYS = {
    value.replace("{arch}", "")
    for group in (gguf.Keys.LLM, gguf.Keys.Attention, gguf.Keys.Rope)
    for value in vars(group).values()
    if isinstance(value, str)
}
# What transformers' configurations say and llama.cpp takes for granted.
OUR_KEYS = {
    ".altup.correct_scale",
    ".attention.head_norms",
    ".attention.latent_norm_epsilon",
    ".attention.temperature_tuning",
    ".hidden_activation",
    ".rope.layers",
    ".rope.scaling.yarn_truncate",
}
OUR_TENSORS = {
    ("phi2", "attn_q_norm"),
    ("phi2", "attn_k_norm"),
    ("falcon", "ffn_norm"),  # of the first models, which have ALiBi
    *((arch, f"ffn_{part}") for arch in ("qwen2moe", "qwen3moe") for part in ("gate", "up", "down")),
    ("llama", "rope_factors_long"),  # which llama.cpp reads, too, though its list does not say so
    ("llama", "rope_factors_short"),
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_gguf_file_gives_the_logits_of_the_folder(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    checkpoint = open_checkpoint(oracle.path)
    write_gguf(checkpoint, tmp_path / "model.gguf")
    # Not the same bits: GGUF keeps numbers of the configuration, such as a multiplier of 0.1, in float32.
    assert oracle.relative_difference(logits_of(tmp_path / "model.gguf", oracle.token_ids)) < 1e-4


@pytest.mark.parametrize("name", ["gpt2-inner", "phi3-window"])
def test_parts_of_quantised_tensors_are_cut_between_rows(name: str, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(DATA / name)
    write_gguf(checkpoint, tmp_path / "model.gguf", quantized="Q8_0")
    opened = open_checkpoint(tmp_path / "model.gguf")
    for tensor in ("attn_q", "attn_k", "attn_v", "ffn_up"):
        spec = opened.tensors.spec(f"blk.1.{tensor}.weight")
        folders = checkpoint.tensors.spec(f"blk.1.{tensor}.weight")
        assert spec is not None
        assert folders is not None
        assert (spec.dtype, spec.shape) == ("Q8_0", folders.shape)
        whole = gguf.quants.quantize(
            np.frombuffer(checkpoint.tensors.blocks(f"blk.1.{tensor}.weight"), np.float32).reshape(spec.shape),
            gguf.GGMLQuantizationType.Q8_0,
        )
        np.testing.assert_array_equal(opened.tensors.blocks(f"blk.1.{tensor}.weight"), whole.reshape(-1))


def test_a_fused_tensor_of_another_size_is_refused(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(DATA / "gpt2-inner")
    checkpoint.metadata._file._values["gpt2.attention.head_count_kv"] = 1
    write_gguf(checkpoint, tmp_path / "model.gguf")
    with pytest.raises(UnsupportedModelError, match=r"blk.0.attn_qkv.weight has 96 rows"):
        open_checkpoint(tmp_path / "model.gguf")


@pytest.mark.parametrize("name", DECODERS)
def test_names_are_those_of_llamacpp(name: str) -> None:
    checkpoint = open_checkpoint(DATA / name)
    arch = ARCHITECTURES.get(checkpoint.architecture)
    if arch is None:
        pytest.skip(f"llama.cpp has no {checkpoint.architecture}")
    known = {gguf.TENSOR_NAMES[tensor].split(".")[-1] for tensor in gguf.MODEL_TENSORS[arch]}
    for tensor in fused(checkpoint).tensors.names():
        part = tensor.split(".")[-2]
        assert part in known or (checkpoint.architecture, part) in OUR_TENSORS, tensor
    keys = checkpoint.metadata._file.keys()
    assert {key.removeprefix(checkpoint.architecture) for key in keys} <= KNOWN_KEYS | OUR_KEYS
