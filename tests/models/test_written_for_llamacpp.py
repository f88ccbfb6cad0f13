"""Files that are written here are read by llama.cpp, and give the same logits and greedy tokens there.

Run with `-m peer` and LLMAGENTOS_LLAMACPP, which names a Python that has llama-cpp-python.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from llmagentos import LLM
from llmagentos.models import open_checkpoint
from llmagentos.quantization.gguf_file import quantized

from .families import DECODERS, ENCODERS, family_engine, family_oracle, greedy
from .llamacpp import TOLERANCE, by_llamacpp
from .logits import logits_of

N_NEW = 6
# What llama.cpp has no place for, in the cases that it cannot read or reads as another model.
NOT_THERE = {
    "deepseek2-lite": "queries without a latent vector, but in models of some numbers of layers",
    "deepseek2-groups": "groups by their best expert, biases",
    "deepseek3-unlike": "queries without a latent vector, but in models of some numbers of layers",
    "falcon-in-turn": "layers that are not side by side",
    "falcon-alibi": "layers that are not side by side",
    **dict.fromkeys(
        ("gemma3n-plain", "gemma3n-unlike", "gemma3n-whole"), "other numbers of layers with keys, and ranks"
    ),
    "gemma2-plain": "another scale of scores",
    "gemma2-unbounded": "scores without a bound",
    "gemma3-plain": "another scale of scores",
    "gemma3-pictures": "another scale of scores",
    "gemma-embedding-plain": "another scale of scores",
    "gpt-neox-in-turn": "attention without biases",
    "gpt-neo-plain": "the architecture",
    "gpt-neo-mixed": "the architecture",
    "gpt_oss-plain": "YaRN between dimensions that are no whole numbers",
    "gptj-plain": "the architecture",
    "gptj-tied": "the architecture",
    "llama4-scout": "chunks of another length",
    "llama4-maverick": "chunks of another length",
    "llama4-unchunked": "layers without chunks",
    "llama-yarn": "YaRN between dimensions that are no whole numbers",
    "ministral-mixed": "windows",
    "ministral-window": "windows",
    "ministral3-window": "windows",
    "mistral-window": "windows",
    "mixtral-many": "windows",
    "mpt-bounded": "another scale of scores",
    **dict.fromkeys(
        (
            "olmo2-plain",
            "olmo2-biases",
            "olmo3-ropes",
            "olmo3-older",
            "olmoe-plain",
            "olmoe-normalised",
            "qwen2moe-plain",
        ),
        "heads that are together wider than the model",
    ),
    "bert-relu": "another activation",
    "modernbert-biases": "biases of projections",
    "opt-plain": "the architecture",
    "opt-350m": "the architecture",
    "opt-unbiased": "the architecture",
    "phi2-qk-norms": "norms of queries and keys",
    "phi3-window": "windows",
    "qwen2-windows": "windows",
    "qwen3-windows": "windows",
    "qwen2moe-mixed": "layers without experts",
    "qwen3moe-plain": "layers without experts",
    "qwen3moe-windows": "windows",
    "smollm3-windows": "windows",
}
VECTORS = [
    name
    for name in ENCODERS
    if name.split("-")[0] in ("bert", "gemma", "nomicbert", "modernbert") and name not in NOT_THERE
]


@pytest.mark.peer
@pytest.mark.parametrize("name", [name for name in DECODERS if name not in NOT_THERE])
def test_llamacpp_computes_the_same(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    ids = oracle.token_ids[:40]
    theirs = by_llamacpp(open_checkpoint(oracle.path), ids, N_NEW, tmp_path)
    ours = logits_of(tmp_path / "model.gguf", ids)
    assert np.abs(theirs["logits"] - ours).max() / np.abs(ours).max() < TOLERANCE
    with family_engine(tmp_path / "model.gguf", "f32") as engine:
        assert theirs["greedy"].tolist() == greedy(engine, [ids.tolist()], N_NEW)[0]


@pytest.mark.peer
@pytest.mark.parametrize("name", VECTORS)
def test_llamacpp_makes_the_same_vectors(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    ids = oracle.arrays["ids.2"]
    rows = by_llamacpp(open_checkpoint(oracle.path), ids, 0, tmp_path)["embedding"]
    with LLM(oracle.path, threads=1) as llm:  # all tokens of one type, as llama.cpp has them
        expected = llm.embed([ids.tolist()], normalize=False)[0]
    assert np.abs(rows.mean(0) - expected).max() / np.abs(expected).max() < TOLERANCE


@pytest.mark.parametrize(
    "name", ["bloom-plain", "falcon-7b", "gpt2-plain", "gpt-neox-plain", "mpt-plain", "phi3-longrope"]
)
def test_projections_are_fused_as_llamacpp_has_them(name: str, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(family_oracle(name).path)
    quantized(checkpoint, "f32").write(tmp_path / "model.gguf")
    arch = next(arch for arch, known in gguf.MODEL_ARCH_NAMES.items() if known == checkpoint.architecture)
    shapes = {tensor.name: tensor.shape.tolist()[::-1] for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    known = {gguf.TENSOR_NAMES[tensor] for tensor in gguf.MODEL_TENSORS[arch]}
    for tensor in shapes:
        block, _, part = tensor.rpartition(".")[0].rpartition(".")
        assert (f"blk.{{bid}}.{part}" if block else part) in known
    parts = [checkpoint.tensors.spec(f"blk.0.attn_{part}.weight") for part in "qkv"]
    assert shapes["blk.0.attn_qkv.weight"][0] == sum(spec.shape[0] for spec in parts if spec is not None)
    np.testing.assert_array_equal(
        logits_of(tmp_path / "model.gguf", family_oracle(name).token_ids),
        logits_of(family_oracle(name).path, family_oracle(name).token_ids),
    )


@pytest.mark.parametrize("name", ["gpt2-inner", "falcon-40b", "phi3-longrope", "gpt-neox-in-turn"])
def test_a_model_quantised_at_load_is_the_file_that_would_be_written(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    quantized(open_checkpoint(oracle.path), "q4_k_m").write(tmp_path / "model.gguf")
    written = logits_of(tmp_path / "model.gguf", oracle.token_ids)
    np.testing.assert_array_equal(logits_of(oracle.path, oracle.token_ids, quantize="q4_k_m"), written)


def test_a_head_that_is_the_embedding_is_written_where_llamacpp_wants_one(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(family_oracle("stablelm-plain").path)
    assert not checkpoint.has_tensor("output.weight")
    quantized(checkpoint, "q8_0").write(tmp_path / "model.gguf")
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    np.testing.assert_array_equal(tensors["output.weight"], tensors["token_embd.weight"])
