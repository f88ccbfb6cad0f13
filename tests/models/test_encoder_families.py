"""Encoders and classifiers on tiny random models in transformers' folders, against transformers on the same weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.backends.cpu import CpuBackend
from llmagentos.engine.encoder import Encoder, TokenText
from llmagentos.formats.checkpoint import Pooling
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec
from llmagentos.models import build_graph, open_checkpoint

from .families import CLASSIFIERS, ENCODERS, FamilyOracle, family_oracle
from .gguf_files import write_gguf

Rows = Literal["mean", "cls", "last"]


@contextmanager
def opened(oracle: FamilyOracle, rows: Rows | None = None, budget: int = 512) -> Iterator[Encoder]:
    """The case's model, pooled as it says or by these rows."""
    checkpoint = open_checkpoint(oracle.path)
    if rows is not None:
        checkpoint = replace(checkpoint, pooling=Pooling(rows))
    graph = build_graph(checkpoint)
    size = max(budget, checkpoint.context_length)
    backend = CpuBackend(
        graph, checkpoint.tensors, threads=1, n_blocks=size // 8, kv_dtype="f32", max_batched_tokens=size
    )
    pooling = checkpoint.pooling
    assert pooling is not None
    encoder = Encoder(backend, last_row=pooling.rows == "last", max_batched_tokens=budget)
    with closing(encoder):
        yield encoder


def texts_of(oracle: FamilyOracle) -> list[TokenText]:
    numbers = range(len(oracle.case.text_lengths))
    return [TokenText(oracle.arrays[f"ids.{i}"].tolist(), oracle.arrays[f"types.{i}"].tolist()) for i in numbers]


def distance(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("rows", get_args(Rows))
@pytest.mark.parametrize("name", ENCODERS)
def test_vectors_are_those_of_transformers(name: str, rows: Rows) -> None:
    oracle = family_oracle(name)
    with opened(oracle, rows) as encoder:
        assert distance(encoder.run(texts_of(oracle)), oracle.arrays[rows]) < 2e-5


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_outputs_of_classifiers_are_those_of_transformers(name: str) -> None:
    oracle = family_oracle(name)
    with opened(oracle) as encoder:
        assert distance(encoder.run(texts_of(oracle)), oracle.arrays["logits"]) < 2e-5


@pytest.mark.parametrize("name", ["bert-plain", "modernbert-plain", "mpnet-plain", "nomicbert-plain"])
@pytest.mark.parametrize("budget", [1, 40, 512])
def test_a_vector_does_not_depend_on_its_batch(name: str, budget: int) -> None:
    oracle = family_oracle(name)
    texts = texts_of(oracle)
    with opened(oracle) as encoder, opened(oracle, budget=budget) as other:
        alone = np.concatenate([encoder.run([text]) for text in texts])
        order: Sequence[int] = (2, 0, 3, 1, 1)
        together = other.run([texts[i] for i in order])
    np.testing.assert_array_equal(together, alone[list(order)])


def test_an_encoder_that_does_not_say_how_it_pools_takes_the_mean() -> None:
    assert open_checkpoint(family_oracle("bert-plain").path).pooling == Pooling("mean")


def test_nomics_own_configuration_is_the_same_model(tmp_path: Path) -> None:
    oracle = family_oracle("nomicbert-plain")
    older = {
        "architectures": ["NomicBertModel"],
        "activation_function": "swiglu",
        "causal": False,
        "layer_norm_epsilon": 1e-12,
        "mlp_fc1_bias": False,
        "n_embd": 32,
        "n_head": 2,
        "n_inner": 48,
        "n_layer": 2,
        "n_positions": 8192,
        "prenorm": False,
        "rotary_emb_base": 1000,
        "rotary_emb_fraction": 1.0,
        "type_vocab_size": 2,
        "vocab_size": 83,
    }
    (tmp_path / "config.json").write_text(json.dumps(older))
    (tmp_path / "model.safetensors").symlink_to(oracle.path / "model.safetensors")
    with opened(replace(oracle, path=tmp_path)) as encoder:
        assert distance(encoder.run(texts_of(oracle)), oracle.arrays["mean"]) < 2e-5


@pytest.mark.parametrize(
    "name",
    ["bert-plain", "gemma-embedding-older", "mpnet-plain", "modernbert-biases", "nomicbert-plain", "bert-labels"],
)
def test_a_gguf_file_gives_the_vectors_of_the_folder(name: str, tmp_path: Path) -> None:
    oracle = family_oracle(name)
    write_gguf(open_checkpoint(oracle.path), tmp_path / "model.gguf")
    with opened(oracle) as encoder, opened(replace(oracle, path=tmp_path / "model.gguf")) as other:
        np.testing.assert_array_equal(other.run(texts_of(oracle)), encoder.run(texts_of(oracle)))


def test_a_file_of_embeddinggemma_says_the_sizes_of_its_dense_layers(tmp_path: Path) -> None:
    """As llama.cpp writes it; the tensors say the same."""
    oracle = family_oracle("gemma-embedding-plain")
    checkpoint = open_checkpoint(oracle.path)
    weight = np.random.default_rng(0).normal(0, 0.2, (24, 32)).astype(np.float32)
    tensors = checkpoint.tensors
    assert isinstance(tensors, LazyTensors)
    dense = {"dense_2.weight": LazyTensor(TensorSpec("F32", (24, 32)), lambda: weight)}
    checkpoint = replace(checkpoint, tensors=LazyTensors(tensors._tensors | dense))
    checkpoint.metadata._file._values |= {
        f"gemma-embedding.dense_2_feat_{side}": n for side, n in (("in", 32), ("out", 24))
    }
    write_gguf(checkpoint, tmp_path / "model.gguf")
    with opened(replace(oracle, path=tmp_path / "model.gguf")) as encoder:
        found = encoder.run(texts_of(oracle))
    assert distance(found, oracle.arrays["mean"] @ weight.T) < 2e-5
