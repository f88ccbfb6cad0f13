"""A checkpoint as a GGUF file in other weight formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import convert
from llmagentos._core.runtime import ThreadPool
from llmagentos.errors import InvalidRequestError, UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.gguf_metadata import gguf_metadata
from llmagentos.formats.gguf_writer import GgufValue, TensorToWrite, gguf_bytes, gguf_value, write_gguf
from llmagentos.formats.tensors import TensorSpec
from llmagentos.models.fused import fused
from llmagentos.models.head_matrices import KEYS
from llmagentos.quantization.imatrix import Imatrix
from llmagentos.quantization.mixes import FLOATS, check_is_float, file_type, formats_of, is_quantizable

# In llama.cpp these have a head of their own: where the model's is the embedding, it is written twice.
_UNTIED = ("gptneox", "olmo2", "olmoe", "qwen2moe", "stablelm")
_EMBEDDING, _HEAD = "token_embd.weight", "output.weight"
_SLICE_VALUES = 1 << 22  # converted together: seconds at most between two looks at the keyboard


@dataclass(frozen=True, slots=True)
class Output:
    """What a checkpoint becomes.

    Attributes:
        n_bytes: of the file.
    """

    metadata: Mapping[str, GgufValue]
    tensors: list[TensorToWrite]
    n_bytes: int

    @property
    def bytes_per_format(self) -> dict[str, int]:
        """Bytes of the tensors of each weight format, largest first."""
        sizes = dict[str, int]()
        for tensor in self.tensors:
            sizes[tensor.spec.dtype] = sizes.get(tensor.spec.dtype, 0) + tensor.spec.n_bytes
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))

    @property
    def weight_bytes(self) -> int:
        return sum(self.bytes_per_format.values())

    def write(self, path: Path) -> None:
        """Write it: the whole file or none.

        Raises:
            LLMAgentOSError: the disk has no room.
            InvalidRequestError: a value that its format cannot hold.
        """
        write_gguf(path, self.metadata, self.tensors)


def quantized(
    checkpoint: Checkpoint,
    mix: str | None,
    *,
    imatrix: Imatrix | None = None,
    requantize: bool = False,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Output:
    """The file that a checkpoint becomes under a mix; tensors are converted when it is written.

    Args:
        mix: one of MIXES, or None to keep every matrix as it is.
        requantize: whether weights that are quantised already may be quantised again, from their rounded values.
        progress: called with the bytes that were made since the last call.

    Raises:
        InvalidRequestError: weights are quantised already; the importances are those of another model.
        UnsupportedModelError: what has no form in GGUF.
    """
    checkpoint = fused(checkpoint)
    turned = next((name for name in checkpoint.tensors.names() if name.endswith(KEYS)), None)
    if turned is not None:
        raise UnsupportedModelError(
            f"{checkpoint.path}: {turned} is a matrix for each head, which is not written again: quantise a folder of "
            "transformers, or a file that has attn_kv_b"
        )
    specs = {name: spec for name in checkpoint.tensors.names() if (spec := checkpoint.tensors.spec(name)) is not None}
    if mix is None:
        formats = {
            name: "F32" if spec.dtype in FLOATS and not is_quantizable(name, spec) else spec.dtype
            for name, spec in specs.items()
        }
    else:
        formats = formats_of(checkpoint, mix, has_importance=imatrix is not None)
        if not requantize:
            check_is_float(checkpoint, formats)
    weights = {} if imatrix is None else _weights(imatrix, specs)
    stored = {name: name for name in specs}
    if checkpoint.architecture in _UNTIED and _HEAD not in specs and _EMBEDDING in specs:
        stored[_HEAD] = _EMBEDDING
    metadata = dict(gguf_metadata(checkpoint))
    metadata["general.quantization_version"] = gguf_value(2)
    if mix is not None:
        metadata["general.file_type"] = gguf_value(file_type(mix))
    pool = ThreadPool(threads)
    tensors = [
        TensorToWrite(
            name,
            TensorSpec(formats[source], specs[source].shape),
            partial(
                _converted, checkpoint, source, specs[source], formats[source], weights.get(source), pool, progress
            ),
        )
        for name, source in stored.items()
    ]
    return Output(metadata, tensors, gguf_bytes(metadata, tensors))


def _weights(imatrix: Imatrix, specs: Mapping[str, TensorSpec]) -> dict[str, NDArray[np.float32]]:
    weights = {}
    for name, given in imatrix.importances.items():
        spec = specs.get(name)
        if spec is None:
            raise InvalidRequestError(f"the importance matrix is another model's: it has {name}, the model has not")
        stacked = spec.shape[0] if len(spec.shape) == 3 else 1
        importance = given.of(stacked)
        if importance.sums.shape != (stacked, spec.shape[-1]):
            raise InvalidRequestError(
                f"the importance matrix is another model's: {name} has {list(importance.sums.shape)} columns there, "
                f"{[stacked, spec.shape[-1]]} in the model"
            )
        weights[name] = importance.weights()
    return weights


def _converted(
    checkpoint: Checkpoint,
    name: str,
    spec: TensorSpec,
    dtype: str,
    weights: NDArray[np.float32] | None,
    pool: ThreadPool,
    progress: Callable[[int], None] | None,
) -> Iterator[NDArray[np.uint8]]:
    """The tensor's bytes in a format, some rows at a time."""
    n_cols = spec.shape[-1]
    n_rows = spec.n_values // n_cols
    blocks = checkpoint.tensors.blocks(name).reshape(n_rows, -1)
    n_matrices = 1 if weights is None else len(weights)
    step = max(1, _SLICE_VALUES // n_cols)
    for matrix in range(n_matrices):
        end = n_rows * (matrix + 1) // n_matrices
        for row in range(n_rows * matrix // n_matrices, end, step):
            rows = blocks[row : min(row + step, end)]
            try:
                made = convert(
                    rows, spec.dtype, dtype, len(rows), n_cols, pool, None if weights is None else weights[matrix]
                )
            except InvalidRequestError as error:
                raise InvalidRequestError(f"{checkpoint.path}: tensor {name}: {error}") from error
            yield made
            if progress is not None:
                progress(made.nbytes)
