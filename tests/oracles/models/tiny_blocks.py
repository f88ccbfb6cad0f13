"""Weight blocks for the tiny models: gguf's own encoders, and random valid blocks for the formats it cannot encode.

A random block is as good as an encoded one here: the reference reads the same bytes through gguf's decoders.
"""

from __future__ import annotations

import gguf
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Rows = NDArray[np.float32]


def half(values: NDArray[np.float64]) -> Bytes:
    """Each value as the two bytes of a float16, [n, 2]."""
    return values.astype(np.float16).view(np.uint8).reshape(-1, 2)


def random_bytes(rng: np.random.Generator, n: int, width: int) -> Bytes:
    return rng.integers(0, 256, (n, width), dtype=np.uint8)


def k_scales(rng: np.random.Generator, n: int) -> Bytes:
    """Q4_K's and Q5_K's 12 bytes of eight 6-bit scales and eight 6-bit minimums, with minimum = scale."""
    scale = rng.integers(24, 64, (n, 8), dtype=np.uint8)
    low, high = scale[:, :4], scale[:, 4:]
    first = low | (high >> 4) << 6
    return np.concatenate([first, first, (high & 15) | (high & 15) << 4], axis=1)


def random_blocks(rng: np.random.Generator, dtype: str, n: int, std: float) -> Bytes:
    """n blocks [n, block bytes] whose values have a mean near 0 and a standard deviation near std."""
    jitter = rng.uniform(0.8, 1.2, n)
    if dtype == "Q2_K":
        scale = rng.integers(8, 16, (n, 16), dtype=np.uint8)
        d = jitter * std / (1.1 * 12)
        return np.concatenate([scale | scale << 4, random_bytes(rng, n, 64), half(d), half(d * 1.5)], axis=1)
    if dtype == "Q3_K":
        d = jitter * std / (2.3 * 18)
        return np.concatenate([random_bytes(rng, n, 32 + 64 + 12), half(d)], axis=1)
    if dtype in ("Q4_K", "Q5_K"):
        levels = 16 if dtype == "Q4_K" else 32
        d = jitter * std / (0.29 * levels * 44)
        quants = random_bytes(rng, n, 128 if dtype == "Q4_K" else 160)
        return np.concatenate([half(d), half(d * (levels - 1) / 2), k_scales(rng, n), quants], axis=1)
    if dtype == "Q6_K":
        scale = rng.integers(-60, 60, (n, 16), dtype=np.int8).view(np.uint8)
        d = jitter * std / (18.5 * 35)
        return np.concatenate([random_bytes(rng, n, 192), scale, half(d)], axis=1)
    if dtype == "IQ4_NL":
        return np.concatenate([half(jitter * std / 70), random_bytes(rng, n, 16)], axis=1)
    if dtype == "IQ4_XS":
        return np.concatenate([half(jitter * std / (70 * 18)), random_bytes(rng, n, 6 + 128)], axis=1)
    if dtype == "MXFP4":
        exponent = np.full((n, 1), 127 + round(np.log2(std / 3)), np.uint8) + rng.integers(0, 2, (n, 1), dtype=np.uint8)
        return np.concatenate([exponent, random_bytes(rng, n, 16)], axis=1)
    raise ValueError(f"no random blocks for {dtype}")


def encode(rng: np.random.Generator, values: Rows, dtype: str) -> tuple[NDArray[np.generic], gguf.GGMLQuantizationType]:
    """values [rows, cols] in a weight format; of the formats gguf cannot encode only their size and spread survive."""
    kind = gguf.GGMLQuantizationType[dtype]
    try:
        return gguf.quants.quantize(values, kind), kind
    except NotImplementedError:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        n = values.size // block
        blocks = random_blocks(rng, dtype, n, float(values.std()))
        if blocks.shape[1] != size:
            raise ValueError(f"a {dtype} block has {size} bytes, {blocks.shape[1]} were made") from None
        return blocks.reshape(values.shape[0], -1), kind
