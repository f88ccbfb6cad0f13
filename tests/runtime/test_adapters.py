"""Sequences with different adapters in one batch, in the executor alone."""

from __future__ import annotations

import numpy as np
import pytest

from llmagentos import InvalidRequestError, UnsupportedModelError
from tests.models.adapted import BASES, DATA, AdaptedModel, Text

NAMES = ["llama-all-linear", "llama-head"]
RNG = np.random.default_rng(3)
IDS = [RNG.integers(0, 83, n).astype(np.int32) for n in (300, 70, 1, 33, 20)]
MIXED = [
    Text(IDS[0], NAMES[0], chunk=270),
    Text(IDS[1], None, chunk=13),
    Text(IDS[2], NAMES[1]),
    Text(IDS[3], NAMES[1], chunk=1),
    Text(IDS[4], NAMES[0], chunk=2),
]


def opened(**options: object) -> AdaptedModel:
    return AdaptedModel(BASES[NAMES[0]], [DATA / name for name in NAMES], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("quantize", [None, "q8_0", "f16"])
def test_sequences_are_the_same_bits_alone_and_mixed(quantize: str | None) -> None:
    model = opened(quantize=quantize)
    for text, found in zip(MIXED, model.logits(*MIXED), strict=True):
        (alone,) = model.logits(Text(text.ids, text.adapter))
        np.testing.assert_array_equal(found, alone)


def test_threads_fusion_and_pauses_change_no_bit() -> None:
    kept = opened().logits(*MIXED)
    others = [opened(threads=3), opened(fuse=False), opened(threads=2, fuse=False)]
    others += [opened(threads=2, aside=True), opened(fuse=False, aside=True)]
    for other in others:
        for found, expected in zip(other.logits(*MIXED), kept, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_rows_without_an_adapter_are_as_in_a_model_without_adapters() -> None:
    plain = AdaptedModel(BASES[NAMES[0]]).logits(Text(IDS[1]))[0]
    found = opened().logits(*MIXED)
    np.testing.assert_array_equal(found[1], plain)
    assert not np.allclose(opened().logits(Text(IDS[1], NAMES[1]))[0], plain, atol=0.1)


def test_an_unloaded_adapter_gives_its_memory_back() -> None:
    executor = opened().executor
    n_bytes = executor.adapter_bytes
    a, b = np.zeros((8, 32), np.float32), np.zeros((64, 8), np.float32)
    number = executor.load_adapter([("blk.0.attn_q.weight", a, b)])
    assert executor.adapter_bytes >= n_bytes + a.nbytes + b.nbytes
    executor.unload_adapter(number)
    assert executor.adapter_bytes == n_bytes
    assert executor.load_adapter([("blk.0.attn_q.weight", a, b)]) != number
    with pytest.raises(InvalidRequestError, match=f"there is no adapter {number}"):
        executor.unload_adapter(number)


def test_a_batch_must_name_adapters_that_are_loaded() -> None:
    model = opened()
    one, table = np.zeros(1, np.int32), np.zeros((1, 1), np.int32)
    starts = np.array([0, 1], np.int32)
    for adapters, message in (([99], "there is no adapter 99"), ([-2], "adapter -2"), ([0, 0], "one for each")):
        with pytest.raises(InvalidRequestError, match=message):
            model.executor.run(one, one, starts, table, one, adapters=np.array(adapters, np.int32))


@pytest.mark.parametrize(
    ("weight", "a", "b", "error", "message"),
    [
        ("blk.0.attn_q.weight", (4, 31), (64, 4), InvalidRequestError, r"\[4, 31\] and \[64, 4\]"),
        ("blk.0.attn_q.weight", (4, 32), (63, 4), InvalidRequestError, r"which is \[64, 32\]"),
        ("blk.0.attn_q.weight", (4, 32), (64, 5), InvalidRequestError, r"\[64, 5\]"),
        ("blk.0.attn_q.weight", (0, 32), (64, 0), InvalidRequestError, r"\[0, 32\]"),
        ("blk.0.attn_q.weight", (4,), (64, 4), InvalidRequestError, "no matrices"),
        ("blk.0.attn_norm.weight", (4, 32), (1, 4), UnsupportedModelError, "blk.0.attn_norm.weight"),
        ("blk.9.attn_q.weight", (4, 32), (64, 4), UnsupportedModelError, "blk.9.attn_q.weight"),
    ],
)
def test_factors_must_fit_a_linear_layer(
    weight: str, a: tuple[int, ...], b: tuple[int, ...], error: type[Exception], message: str
) -> None:
    executor = AdaptedModel(BASES[NAMES[0]]).executor
    with pytest.raises(error, match=message):
        executor.load_adapter([(weight, np.zeros(a, np.float32), np.zeros(b, np.float32))])
    assert executor.adapter_bytes == 0


def test_a_weight_has_one_pair_of_factors() -> None:
    pair = ("blk.0.attn_q.weight", np.zeros((4, 32), np.float32), np.zeros((64, 4), np.float32))
    with pytest.raises(InvalidRequestError, match=r"two pairs of factors of blk\.0\.attn_q\.weight"):
        AdaptedModel(BASES[NAMES[0]]).executor.load_adapter([pair, pair])
