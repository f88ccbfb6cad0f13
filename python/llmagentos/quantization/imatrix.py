"""Importance matrices: the mean square of what each column of a weight is multiplied with, over a text.

An error in a column that meets large inputs matters more: encoders weigh their squared errors by it. Files are those of
llama.cpp (GGUF, general.type "imatrix"); those that it wrote before (imatrix_dat.py) are read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.formats import GgufFile
from llmagentos.backends.cpu import CpuBackend
from llmagentos.backends.protocol import RaggedBatch
from llmagentos.errors import InvalidRequestError, ModelFormatError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.files import open_file
from llmagentos.formats.gguf_writer import TensorToWrite, gguf_value, write_gguf
from llmagentos.formats.tensors import GgufTensors, TensorSpec, decoded
from llmagentos.models import build_graph
from llmagentos.models.fused import is_stack_of, joined_parts
from llmagentos.quantization.imatrix_dat import read_dat

WINDOW = 512  # tokens that are seen together; llama.cpp's default
_MAGIC = b"GGUF"
_SUMS, _COUNTS = ".in_sum2", ".counts"
# A column that the text never uses still counts a little, so that its weights stay near what they are.
_LEAST = 1e-4

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Importance:
    """Of one weight, or a stack of them.

    Attributes:
        sums: of squares, float32 [n_matrices, n_cols].
        counts: the inputs they are of, float32 [n_matrices].
    """

    sums: Floats
    counts: Floats

    def of(self, n_matrices: int) -> Importance:
        """The same, where the file does not say how many matrices it is of."""
        n = len(self.sums)
        if n != 1 or n_matrices == 1 or self.sums.size % n_matrices:
            return self
        return Importance(self.sums.reshape(n_matrices, -1), np.repeat(self.counts, n_matrices))

    def weights(self) -> Floats:
        """Weights of squared errors, float32 [n_matrices, n_cols]: positive, with a mean near 1 in each row."""
        mean = self.sums.astype(np.float64).mean(axis=1, keepdims=True)
        scaled = np.divide(self.sums, mean, out=np.ones(self.sums.shape, np.float64), where=mean > 0)
        weights: Floats = np.maximum(scaled, _LEAST).astype(np.float32)
        return weights


@dataclass(frozen=True, slots=True)
class Imatrix:
    """Importances by the names of the weights.

    Attributes:
        datasets: the names of the texts.
        n_windows: windows of `window` tokens that were seen.
    """

    importances: Mapping[str, Importance]
    datasets: list[str] = field(default_factory=list)
    n_windows: int = 0
    window: int = WINDOW

    def save(self, path: Path) -> None:
        """Write it as llama.cpp does.

        Raises:
            LLMAgentOSError: the disk has no room.
        """
        metadata = {
            "general.type": gguf_value("imatrix"),
            "imatrix.datasets": gguf_value(self.datasets),
            "imatrix.chunk_count": gguf_value(self.n_windows),
            "imatrix.chunk_size": gguf_value(self.window),
        }
        tensors = []
        for name, importance in sorted(self.importances.items()):
            tensors.append(_tensor(name + _SUMS, importance.sums))
            tensors.append(_tensor(name + _COUNTS, importance.counts[:, None]))
        write_gguf(path, metadata, tensors)

    @staticmethod
    def load(path: Path) -> Imatrix:
        """Read a file of this form, or of the one before.

        Raises:
            ModelNotFoundError: no file there.
            ModelFormatError: it is another kind of file, or its tensors do not fit one another.
        """
        with suppress(OSError), open_file(path) as opened:
            if opened.read(len(_MAGIC)) != _MAGIC:
                return _from_dat(path)
        file = GgufFile(path)
        if file.get("general.type") != "imatrix":
            raise ModelFormatError(f"{path} is no importance matrix: it has no general.type imatrix", str(path))
        tensors = GgufTensors(file)
        importances = {}
        for stored in tensors.names():
            if not stored.endswith(_SUMS):
                continue
            name = stored.removesuffix(_SUMS)
            if tensors.spec(name + _COUNTS) is None:
                raise ModelFormatError(f"{path}: there are no counts of {name}", str(path))
            sums, counts = decoded(tensors, stored), decoded(tensors, name + _COUNTS).reshape(-1)
            importances[name] = _checked(path, name, sums.reshape(-1, sums.shape[-1]), counts)
        datasets = [str(name) for name in file.array("imatrix.datasets") or []]
        n_windows, window = (_count(file.get(f"imatrix.{key}")) for key in ("chunk_count", "chunk_size"))
        return Imatrix(importances, datasets, n_windows, window)


def _from_dat(path: Path) -> Imatrix:
    entries, dataset, n_windows = read_dat(path)
    importances = {
        name: _checked(path, name, sums[None], np.array([count], np.float32)) for name, sums, count in entries
    }
    return Imatrix(importances, [dataset], n_windows)


def _checked(path: Path, name: str, sums: Floats, counts: Floats) -> Importance:
    if len(counts) != len(sums):
        raise ModelFormatError(f"{path}: {name} has {len(sums)} matrices and {len(counts)} counts", str(path))
    if not (np.isfinite(sums).all() and (sums >= 0).all()):
        raise ModelFormatError(f"{path}: the sums of {name} are not all finite and positive", str(path))
    return Importance(sums, counts)


def collect(
    checkpoint: Checkpoint,
    text: str,
    *,
    dataset: str = "",
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imatrix:
    """Run the model over a text and sum what its linear layers and experts read, but for the output head.

    Args:
        dataset: what to call the text.
        progress: called with the windows done and all windows.

    Raises:
        InvalidRequestError: the model has no tokenizer, or the text is too short.
        UnsupportedModelError: the model cannot be run.
    """
    graph = build_graph(checkpoint)
    width = min(WINDOW, checkpoint.context_length)
    opening = checkpoint.tokenizer.encode("")
    ids = checkpoint.tokenizer.encode(text, add_special=False, parse_special=False)
    windows = list(_windows(ids, opening, width))
    if not windows:
        raise InvalidRequestError(f"the text has {len(ids)} tokens: too few to run a model over")
    n_blocks = -(-width // CpuBackend.block_size)
    backend = CpuBackend(
        graph, checkpoint.tensors, threads=threads, n_blocks=n_blocks, max_batched_tokens=width, observe_inputs=True
    )
    try:
        for index, window in enumerate(windows, start=1):
            backend.run(_batch(window, n_blocks))
            if progress is not None:
                progress(index, len(windows))
        squares = backend.input_squares()
    finally:
        backend.close()
    importances = {
        name: Importance(sums, n_rows.astype(np.float32))
        for name, (sums, n_rows) in squares.items()
        if name not in ("output.weight", "token_embd.weight")  # only the last row of a window reaches the head
    }
    for whole, parts in joined_parts(checkpoint.tensors, checkpoint.architecture).items():
        of_parts = [importance for part in parts if (importance := importances.pop(part, None)) is not None]
        if len(of_parts) == len(parts) and is_stack_of(whole, parts):
            sums, counts = zip(*((one.sums, one.counts) for one in of_parts), strict=True)
            importances[whole] = Importance(np.concatenate(sums), np.concatenate(counts))
        elif of_parts:
            importances[whole] = of_parts[0]  # rows of one matrix read the same
    return Imatrix(importances, [dataset], len(windows), width)


def _windows(ids: list[int], opening: list[int], width: int) -> Iterator[list[int]]:
    step = width - len(opening)
    for begin in range(0, len(ids), step):
        window = opening + ids[begin : begin + step]
        if len(window) > 1:
            yield window


def _batch(ids: list[int], n_blocks: int) -> RaggedBatch:
    n = len(ids)
    return RaggedBatch(
        token_ids=np.array(ids, np.int32),
        positions=np.arange(n, dtype=np.int32),
        sequence_starts=np.array([0, n], np.int32),
        block_tables=np.arange(n_blocks, dtype=np.int32)[None],
        logit_rows=np.array([n - 1], np.int32),
    )


def _tensor(name: str, values: Floats) -> TensorToWrite:
    values = np.ascontiguousarray(values, np.float32)
    return TensorToWrite(name, TensorSpec("F32", values.shape), lambda: [values.reshape(-1).view(np.uint8)])


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
