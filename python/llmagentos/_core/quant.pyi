from typing import Any

import numpy as np
from numpy.typing import NDArray

def dtypes() -> list[tuple[str, int, int, int]]:
    """The weight formats: (name, GGUF type id, values per block, bytes per block)."""

def dequantize(data: bytes | bytearray | memoryview | NDArray[Any], dtype: str, n: int) -> NDArray[np.float32]:
    """Decodes `n` values from the blocks in `data` (contiguous) to float32 [n], as ggml's reference does.

    Raises:
        InvalidRequestError: unknown `dtype`, `n` not a whole number of blocks, or not the size of `data`.
    """

def quantize(values: NDArray[np.float32], dtype: str) -> bytes:
    """Encodes float32 [n] (contiguous) to the blocks of `dtype`.

    Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 round as ggml's reference does; Q4_K and Q6_K search for the scales of least
    squared error.

    Raises:
        InvalidRequestError: no encoder for `dtype`, `n` not a whole number of blocks, or a value that is not finite.
    """
