"""From transformers' tensors to those of GGUF: most are the same under another name, some are cut, turned or shifted.

A rule names its sources, with {i} for a layer, and makes the tensor, which is read when it is packed. A plain text as a
rule stands for the tensor of that name as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import dequantize
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.tensors import LazyTensor, TensorSpec

Meta: TypeAlias = Mapping[str, Any]


class Rule(Protocol):
    """Makes one tensor of GGUF's."""

    @property
    def source(self) -> str:
        """The name of what it is made of, with {i} for a layer."""

    def tensor(self, folder: HfFolder, name: str, meta: Meta, /) -> LazyTensor:
        """Of the source `name`; `meta` is the metadata that the family has made of config.json."""


TensorRule: TypeAlias = "str | Rule"


@dataclass(frozen=True, slots=True)
class Same:
    """The tensor as it is."""

    source: str

    def tensor(self, folder: HfFolder, name: str, _: Meta) -> LazyTensor:
        return LazyTensor(folder.spec(name), lambda: folder.array(name))


@dataclass(frozen=True, slots=True)
class Rows:
    """Some of the first dimension's elements, wherever several tensors were written as one.

    Attributes:
        index: which of them, from the number of all and the metadata: a slice, or the indices in order.
    """

    source: str
    index: Callable[[int, Meta], slice | NDArray[np.intp]]

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        spec, n = folder.spec(name), folder.shape(name)[0]
        index = self.index(n, meta)
        n_rows = len(range(n)[index]) if isinstance(index, slice) else len(index)
        shape = (n_rows, *spec.shape[1:])
        return LazyTensor(TensorSpec(spec.dtype, shape), lambda: np.ascontiguousarray(folder.array(name)[index]))


@dataclass(frozen=True, slots=True)
class Transposed:
    """A matrix written as [in, out] (GPT-2's Conv1D), and of its columns those that `index` chooses."""

    source: str
    index: Callable[[int, Meta], slice | NDArray[np.intp]] = lambda n, _: slice(n)

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        spec, (n_in, n_out) = folder.spec(name), folder.shape(name)
        index = self.index(n_out, meta)
        n_rows = len(range(n_out)[index]) if isinstance(index, slice) else len(index)
        shape = (n_rows, n_in)
        return LazyTensor(TensorSpec(spec.dtype, shape), lambda: np.ascontiguousarray(folder.array(name).T[index]))


@dataclass(frozen=True, slots=True)
class PlusOne:
    """A norm's weight that is written as its difference from one."""

    source: str

    def tensor(self, folder: HfFolder, name: str, _: Meta) -> LazyTensor:
        spec = folder.spec(name)
        return LazyTensor(TensorSpec("F32", spec.shape), lambda: float_values(folder, name) + np.float32(1))


def float_values(folder: HfFolder, name: str) -> NDArray[np.float32]:
    """A tensor's values as float32."""
    spec = folder.spec(name)
    return dequantize(folder.array(name).reshape(-1).view(np.uint8), spec.dtype, spec.n_values).reshape(spec.shape)


def part_of(sizes: Callable[[Meta], tuple[int, ...]], part: int) -> Callable[[int, Meta], slice]:
    """The rows of one of several tensors that lie one after the other, of these sizes."""

    def index(_: int, meta: Meta) -> slice:
        all_sizes = sizes(meta)
        begin = sum(all_sizes[:part])
        return slice(begin, begin + all_sizes[part])

    return index


def halves(part: int) -> Callable[[int, Meta], slice]:
    """The rows of one of two tensors of one size that lie one after the other."""
    return lambda n, _: slice(part * n // 2, (part + 1) * n // 2)


def weights_and_biases(names: Mapping[str, str]) -> dict[str, TensorRule]:
    """For layers by name, in GGUF and in the folder, their weights and the biases that there are."""
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in names.items() for kind in ("weight", "bias")}


def part_of_heads(n_parts: int, part: int) -> Callable[[int, Meta], NDArray[np.intp]]:
    """The rows of one of `n_parts` tensors that are interleaved head by head: [n_heads, n_parts, head_dim, ...]."""

    def index(n: int, meta: Meta) -> NDArray[np.intp]:
        n_heads: int = meta["attention.head_count"]
        rows: NDArray[np.intp] = _by_heads(n, n_heads, n_parts)[:, part].reshape(-1)
        return rows

    return index


def qkv_sizes(meta: Meta) -> tuple[int, ...]:
    """Rows of queries, keys and values."""
    n_heads = meta["attention.head_count"]
    size = meta.get("attention.key_length", meta["embedding_length"] // n_heads)
    n_kv_heads = meta.get("attention.head_count_kv", n_heads)
    return n_heads * size, n_kv_heads * size, n_kv_heads * size


def gate_up_sizes(meta: Meta) -> tuple[int, ...]:
    """Rows of an MLP's gate and of what it multiplies."""
    hidden = meta["feed_forward_length"]
    return hidden, hidden


def adjacent_pairs(heads: str) -> Callable[[int, Meta], NDArray[np.intp]]:
    """The rows of a projection in the order that GGUF's llama files have them: element i of a head beside i + n/2.

    Args:
        heads: the metadata key of the number of heads.
    """

    def index(n: int, meta: Meta) -> NDArray[np.intp]:
        n_heads: int = meta.get(heads, meta["attention.head_count"])
        rows: NDArray[np.intp] = _by_heads(n, n_heads, 2).swapaxes(1, 2).reshape(-1)
        return rows

    return index


def _by_heads(n: int, n_heads: int, n_parts: int) -> NDArray[np.intp]:
    """Row numbers [n_heads, n_parts, rows of a part]."""
    if n_heads < 1 or n % (n_heads * n_parts):
        raise UnsupportedModelError(f"{n} rows cannot be those of {n_heads} heads with {n_parts} parts")
    return np.arange(n, dtype=np.intp).reshape(n_heads, n_parts, -1)


def gguf_tensors(
    folder: HfFolder, rules: Mapping[str, TensorRule], n_layers: int, meta: Meta
) -> tuple[dict[str, LazyTensor], set[str]]:
    """The tensors that the rules make of a folder's, and the names of those that they are made of.

    A rule without its source makes nothing: whether a tensor must be there, the architecture says.
    """
    tensors, used = dict[str, LazyTensor](), set[str]()
    for target, given in rules.items():
        rule = Same(given) if isinstance(given, str) else given
        for i in range(n_layers) if "{i}" in target else (0,):
            source = rule.source.format(i=i)
            if folder.has(source):
                tensors[target.format(i=i)] = rule.tensor(folder, source, meta)
                used.add(source)
    return tensors, used
