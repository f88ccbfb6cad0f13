"""Every weight format decodes exactly as gguf's own Python decoder, and encodes as it does where it has an encoder."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos._core import quant
from llmagentos._core.runtime import ThreadPool
from llmagentos.errors import InvalidRequestError

FORMATS = {name: (elements, n_bytes) for name, _, elements, n_bytes in quant.dtypes()}
# Byte offsets of the f16 scales in a block.
HALF_SCALES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
}
# Zero, negative zero, the largest and smallest finite values, the smallest normals, a middling subnormal, one.
EDGE_HALVES = np.array([0x0000, 0x8000, 0x7BFF, 0xFBFF, 0x0001, 0x8001, 0x0400, 0x03FF, 0x8155, 0x3C00], np.uint16)
SEARCHING = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
ENCODED_AS_GGUF = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]


def assert_decodes_as_gguf(blocks: NDArray[np.uint8], name: str) -> None:
    elements, n_bytes = FORMATS[name]
    flat = np.ascontiguousarray(blocks).reshape(-1)
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(flat.reshape(1, -1), gguf.GGMLQuantizationType[name]).reshape(-1)
    actual = quant.dequantize(flat, name, flat.size // n_bytes * elements)
    assert actual.dtype == np.float32
    assert not np.isnan(expected).any()
    # Equal values: the two may differ in the sign of a zero, and in nothing else.
    np.testing.assert_array_equal(actual, expected)


def random_blocks(name: str, count: int, seed: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (count, FORMATS[name][1]), dtype=np.uint8)
    for at in HALF_SCALES.get(name, []):
        scales = generator.normal(0, 0.05, count).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks


def test_every_format_of_the_table_is_ggufs() -> None:
    for name, type_id, elements, n_bytes in quant.dtypes():
        assert gguf.GGMLQuantizationType[name] == type_id
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(type_id)] == (elements, n_bytes)
    assert len(FORMATS) == 16


@pytest.mark.parametrize("name", HALF_SCALES)
def test_random_blocks_decode_exactly(name: str) -> None:
    assert_decodes_as_gguf(random_blocks(name, 500, seed=1), name)


@pytest.mark.parametrize("name", HALF_SCALES)
def test_edge_scales_decode_exactly(name: str) -> None:
    """Each edge scale with random quants, with all-ones and with all-zero quants."""
    for fill in (None, 0xFF, 0x00):
        blocks = random_blocks(name, EDGE_HALVES.size**2, seed=2)
        if fill is not None:
            blocks[:] = fill
        for k, at in enumerate(HALF_SCALES[name]):
            scales = np.repeat(EDGE_HALVES, EDGE_HALVES.size) if k == 0 else np.tile(EDGE_HALVES, EDGE_HALVES.size)
            blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
        assert_decodes_as_gguf(blocks, name)


def test_mxfp4_decodes_exactly_at_every_exponent() -> None:
    blocks = random_blocks("MXFP4", 512, seed=3)
    blocks[:, 0] = np.arange(512) % 256
    blocks[256:, 1:] = 0xFF
    assert_decodes_as_gguf(blocks, "MXFP4")


@pytest.mark.parametrize("name", ["F16", "BF16"])
def test_every_16_bit_float_decodes_exactly(name: str) -> None:
    bits = np.arange(65536, dtype=np.uint32).astype(np.uint16)
    exponent = 0x7C00 if name == "F16" else 0x7F80
    bits = bits[((bits & exponent) != exponent) | ((bits & ~np.uint16(0x8000)) == exponent)]  # all but the NaNs
    assert_decodes_as_gguf(bits.view(np.uint8), name)
    kind = np.float16 if name == "F16" else None
    expected = bits.view(kind).astype(np.float32) if kind else (bits.astype(np.uint32) << 16).view(np.float32)
    actual = quant.dequantize(bits, name, bits.size)
    np.testing.assert_array_equal(actual.view(np.uint32), expected.view(np.uint32))


def test_decoding_does_not_depend_on_where_the_blocks_start() -> None:
    blocks = random_blocks("Q6_K", 3, seed=4).tobytes()
    shifted = memoryview(b"\x00" + blocks)[1:]
    np.testing.assert_array_equal(quant.dequantize(shifted, "Q6_K", 768), quant.dequantize(blocks, "Q6_K", 768))


@pytest.mark.parametrize("name", ENCODED_AS_GGUF)
@pytest.mark.parametrize("magnitude", [1e-30, 1e-6, 0.02, 1.0, 3000.0])
def test_encoders_are_ggufs_bit_for_bit(name: str, magnitude: float) -> None:
    generator = np.random.default_rng(5)
    values = (generator.standard_t(4, 32 * 300) * magnitude).astype(np.float32)
    values[:32] = 0
    values[32:64] = magnitude
    values[64:96] = -magnitude
    values[96:128] = np.linspace(-magnitude, magnitude, 32, dtype=np.float32)
    expected = gguf.quants.quantize(values.reshape(1, -1), gguf.GGMLQuantizationType[name])
    actual = np.frombuffer(quant.quantize(values, name), np.uint8)
    np.testing.assert_array_equal(actual, expected.view(np.uint8).reshape(-1))


def relative_error(values: NDArray[np.float32], name: str, weights: NDArray[np.float32] | None = None) -> float:
    decoded = quant.dequantize(quant.quantize(values, name, weights), name, values.size)
    given = np.float32(1) if weights is None else weights
    return float(np.sqrt((given * (decoded - values) ** 2).sum() / (given * values**2).sum()))


# Root-mean-square error over that of the values by ggml's own encoders: of normal values, and with columns' weights.
GGML_ERRORS = {
    "Q4_0": (0.08594, 0.07442),
    "Q4_1": (0.07825, 0.05938),
    "Q5_0": (0.04275, 0.03686),
    "Q5_1": (0.03796, 0.02884),
    "Q8_0": (0.00535, 0.00538),
    "IQ4_NL": (0.07613, 0.06694),
    "Q2_K": (0.29721, 0.21731),
    "Q3_K": (0.15017, 0.12714),
    "Q4_K": (0.07143, 0.06044),
    "Q5_K": (0.03627, 0.03109),
    "Q6_K": (0.0177, 0.0154),
}


@pytest.mark.parametrize("name", GGML_ERRORS)
def test_errors_are_no_larger_than_ggmls(name: str) -> None:
    values = np.random.default_rng(6).normal(0, 0.03, 256 * 200).astype(np.float32)
    weights = np.tile(np.exp(np.random.default_rng(7).normal(0, 1.5, 256)).astype(np.float32), 200)
    alone, weighted = GGML_ERRORS[name]
    assert relative_error(values, name) < alone * 1.001
    assert relative_error(values, name, weights) < weighted * 1.001


@pytest.mark.parametrize("name", GGML_ERRORS)
def test_weights_that_are_all_the_same_give_no_larger_errors_than_none(name: str) -> None:
    values = np.random.default_rng(9).normal(0, 0.03, 256 * 20).astype(np.float32)
    weights = np.full(values.size, 0.25, np.float32)
    assert relative_error(values, name, weights) < relative_error(values, name) * 1.0001


@pytest.mark.parametrize("name", SEARCHING)
def test_k_encoders_hold_edge_blocks(name: str) -> None:
    zeros = np.zeros(256, np.float32)
    np.testing.assert_array_equal(quant.dequantize(quant.quantize(zeros, name), name, 256), zeros)
    for fill in (1.0, -1.0, 1e-3, -2000.0):
        assert relative_error(np.full(256, fill, np.float32), name) < 5e-3
    spike = zeros.copy()
    spike[77] = -5.0
    assert relative_error(spike, name) < 2e-3
    ramp = np.linspace(0.5, 1.5, 256, dtype=np.float32)
    assert relative_error(ramp, name) < (0.035 if name == "Q2_K" else 0.03)
    tiny = np.random.default_rng(7).normal(0, 1e-30, 256).astype(np.float32)
    assert np.abs(quant.dequantize(quant.quantize(tiny, name), name, 256)).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "limit"), [("Q2_K", 0.1), ("Q3_K", 0.05), ("Q4_K", 0.02), ("Q5_K", 0.02), ("Q6_K", 0.01)]
)
def test_encoding_what_was_decoded_changes_little(name: str, limit: float) -> None:
    values = quant.dequantize(random_blocks(name, 50, seed=8), name, 256 * 50)
    assert relative_error(values, name) < limit


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_are_converted_as_each_is_encoded(threads: int) -> None:
    values = np.random.default_rng(10).normal(0, 0.03, (37, 256)).astype(np.float32)
    weights = np.linspace(0.1, 2, 256, dtype=np.float32)
    halves = values.astype(np.float16)
    made = quant.convert(halves, "F16", "Q5_K", 37, 256, ThreadPool(threads), weights)
    assert made.tobytes() == b"".join(quant.quantize(row.astype(np.float32), "Q5_K", weights) for row in halves)
    assert quant.convert(made, "Q5_K", "Q5_K", 37, 256, ThreadPool(threads)).tobytes() == made.tobytes()


def test_what_cannot_be_converted_is_named() -> None:
    pool, rows = ThreadPool(2), np.zeros((4, 32), np.float32)
    rows[2, 7] = 7e4
    with pytest.raises(InvalidRequestError, match=r"the value 70000\.0+ in column 7 cannot be held in F16"):
        quant.convert(rows, "F32", "F16", 4, 32, pool)
    with pytest.raises(InvalidRequestError, match="512 bytes, not 384"):
        quant.convert(rows, "F32", "F16", 3, 32, pool)
    with pytest.raises(InvalidRequestError, match="decodes MXFP4 and does not encode it"):
        quant.convert(rows, "F32", "MXFP4", 4, 32, pool)
    for weights, reason in ((np.ones(31), "31 for 32 columns"), (np.zeros(32), "not positive and finite")):
        with pytest.raises(InvalidRequestError, match=reason):
            quant.convert(rows, "F32", "Q4_0", 4, 32, pool, weights.astype(np.float32))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InvalidRequestError, match="unknown weight format 'Q9_9'"):
        quant.dequantize(b"", "Q9_9", 0)
    with pytest.raises(InvalidRequestError, match="33 values is not a whole number of Q4_0 blocks of 32"):
        quant.dequantize(b"\0" * 18, "Q4_0", 33)
    with pytest.raises(InvalidRequestError, match="17 bytes, not 18"):
        quant.dequantize(b"\0" * 17, "Q4_0", 32)
    with pytest.raises(InvalidRequestError, match="-32 is negative"):
        quant.dequantize(b"", "Q4_0", -32)
    with pytest.raises(InvalidRequestError, match="does not encode"):
        quant.quantize(np.zeros(256, np.float32), "IQ4_XS")
    with pytest.raises(InvalidRequestError, match="nan at 3 cannot be quantised"):
        quant.quantize(np.array([0, 0, 0, np.nan] * 8, np.float32), "Q8_0")
    with pytest.raises(InvalidRequestError, match="2 dimensions, not 1"):
        quant.quantize(np.zeros((2, 32), np.float32), "Q8_0")
    with pytest.raises(TypeError):
        quant.quantize(np.zeros(32, np.float64), "Q8_0")
