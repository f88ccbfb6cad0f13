from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import ThreadPool

def dtypes() -> list[tuple[str, int, int, int]]:
    """The weight formats: (name, GGUF type id, values per block, bytes per block)."""

def dequantize(data: bytes | bytearray | memoryview | NDArray[Any], dtype: str, n: int) -> NDArray[np.float32]:
    """Decodes `n` values from the blocks in `data` (contiguous) to float32 [n], as ggml's reference does.

    Raises:
        InvalidRequestError: unknown `dtype`, `n` not a whole number of blocks, or not the size of `data`.
    """

def quantize(values: NDArray[np.float32], dtype: str, weights: NDArray[np.float32] | None = None) -> bytes:
    """Encodes float32 [n] (contiguous) to the blocks of `dtype`.

    Without weights Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 round as ggml's reference does; the others search for the scales of
    least squared error.

    Args:
        weights: float32 [n], positive: of each value's squared error. Q8_0 and the float formats have no use for them.

    Raises:
        InvalidRequestError: no encoder for `dtype`, `n` not a whole number of blocks, or a value that is not finite.
    """

def convert(
    data: bytes | bytearray | memoryview | NDArray[Any],
    from_dtype: str,
    to_dtype: str,
    n_rows: int,
    n_cols: int,
    pool: ThreadPool,
    weights: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Rows of one format as rows of another, on all threads of the pool; as they are where the formats are the same.

    Args:
        weights: float32 [n_cols], as for `quantize`.

    Raises:
        InvalidRequestError: no encoder, sizes that do not fit, or a value that `to_dtype` cannot hold.
    """
