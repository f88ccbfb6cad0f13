"""From transformers' tensors to those of GGUF: most are the same under another name, some are cut, turned or shifted.

A rule names its sources, with {i} for a layer, and makes the tensor, which is read when it is packed. A plain text as a
rule stands for the tensor of that name as it is; several rules stand for the first of them that has its source, where
versions of transformers differ in the name, or write the same tensor under all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import dequantize
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import BLOCKS, LazyTensor, TensorSpec

Meta: TypeAlias = Mapping[str, Any]


class Rule(Protocol):
    """Makes one tensor of GGUF's."""

    @property
    def source(self) -> str:
        """The name of what it is made of, with {i} for a layer."""

    def tensor(self, folder: HfFolder, name: str, meta: Meta, /) -> LazyTensor:
        """Of the source `name`; `meta` is the metadata that the family has made of config.json."""


class GatheringRule(ABC):
    """Makes one tensor of several. (No protocol: whether a rule is one is asked for every tensor.)"""

    source: str

    @abstractmethod
    def tensor(self, folder: HfFolder, name: str, meta: Meta, /) -> LazyTensor:
        """As a rule's."""

    @abstractmethod
    def sources(self, name: str, meta: Meta, /) -> list[str]:
        """Their names; if the first is there, all must be."""


TensorRule: TypeAlias = "str | Rule | tuple[str | Rule, ...]"
Index: TypeAlias = Callable[[int, Meta], "slice | NDArray[np.intp]"]


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
    index: Index

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        spec, n = folder.spec(name), matrix_shape(folder, name, 1)[0]
        index = self.index(n, meta)
        n_rows = len(range(n)[index]) if isinstance(index, slice) else len(index)
        shape = (n_rows, *spec.shape[1:])
        return LazyTensor(TensorSpec(spec.dtype, shape), lambda: folder.copied(name, lambda rows: rows[index]))


@dataclass(frozen=True, slots=True)
class Flat:
    """A vector that is written as a matrix of one row."""

    source: str

    def tensor(self, folder: HfFolder, name: str, _: Meta) -> LazyTensor:
        spec = folder.spec(name)
        return LazyTensor(TensorSpec(spec.dtype, (spec.n_values,)), lambda: folder.array(name).reshape(-1))


@dataclass(frozen=True, slots=True)
class Transposed:
    """A matrix written as [in, out] (GPT-2's Conv1D), and of its columns those that `index` chooses."""

    source: str
    index: Index = lambda n, _: slice(n)

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        spec, (n_in, n_out) = folder.spec(name), matrix_shape(folder, name, 2)
        if BLOCKS[spec.dtype][0] > 1:
            raise UnsupportedModelError(f"{folder.path}: {name} is quantised, which this architecture's are not here")
        index = self.index(n_out, meta)
        n_rows = len(range(n_out)[index]) if isinstance(index, slice) else len(index)
        shape = (n_rows, n_in)
        return LazyTensor(TensorSpec(spec.dtype, shape), lambda: folder.copied(name, lambda matrix: matrix.T[index]))


@dataclass(frozen=True, slots=True)
class PlusOne:
    """A norm's weight that is written as its difference from one."""

    source: str

    def tensor(self, folder: HfFolder, name: str, _: Meta) -> LazyTensor:
        spec = folder.spec(name)
        return LazyTensor(TensorSpec("F32", spec.shape), lambda: float_values(folder, name) + np.float32(1))


def matrix_shape(folder: HfFolder, name: str, n_dims: int) -> tuple[int, ...]:
    """The shape of a tensor that has as many dimensions; where one is asked for, that or more.

    Raises:
        UnsupportedModelError: it has others.
    """
    shape = folder.shape(name)
    if len(shape) < n_dims or (len(shape) > n_dims > 1):
        raise UnsupportedModelError(f"{folder.path}: tensor {name} has shape {list(shape)}, which it cannot have")
    return shape


def float_values(folder: HfFolder | SafetensorsFile, name: str) -> NDArray[np.float32]:
    """A tensor's values as float32."""
    spec = folder.spec(name)
    return dequantize(folder.array(name).reshape(-1).view(np.uint8), spec.dtype, spec.n_values).reshape(spec.shape)


def halves(part: int) -> Index:
    """The rows of one of two tensors of one size that lie one after the other."""
    return lambda n, _: slice(part * n // 2, (part + 1) * n // 2)


def contiguous_qkv(part: int) -> Index:
    """The rows of queries, keys or values that lie one after the other."""

    def index(_: int, meta: Meta) -> slice:
        n_heads: int = meta["attention.head_count"]
        size: int = meta.get("attention.key_length", meta["embedding_length"] // n_heads)
        n_kv_heads: int = meta.get("attention.head_count_kv", n_heads)
        begins = (0, n_heads, n_heads + n_kv_heads, n_heads + 2 * n_kv_heads)
        return slice(begins[part] * size, begins[part + 1] * size)

    return index


def grouped_qkv(part: int) -> Index:
    """The rows of queries, keys or values that lie in groups: some heads' queries, the key and the value they share."""

    def index(n: int, meta: Meta) -> NDArray[np.intp]:
        n_heads: int = meta["attention.head_count"]
        n_groups: int = meta.get("attention.head_count_kv", n_heads)
        n_queries = n_heads // n_groups
        rows = _by_heads(n, n_groups, n_queries + 2)
        return rows[:, (slice(n_queries), n_queries, n_queries + 1)[part]].reshape(-1)

    return index


def fused_qkv(
    source: str, rows: Callable[[int], Index], weight: type[Rows | Transposed] = Rows
) -> dict[str, TensorRule]:
    """Queries, keys and values, with their biases, of a projection that was written as one.

    Args:
        rows: which of its rows are which: `contiguous_qkv` or `grouped_qkv`.
        weight: how its matrix lies.
    """
    return {
        f"blk.{{i}}.attn_{name}.{kind}": rule(f"{source}.{kind}", rows(part))
        for part, name in enumerate("qkv")
        for kind, rule in (("weight", weight), ("bias", Rows))
    }


def fused_gate_up(source: str) -> dict[str, TensorRule]:
    """An MLP's gate and what it multiplies, with their biases, of a projection that was written as one."""
    return {
        f"blk.{{i}}.ffn_{name}.{kind}": Rows(f"{source}.{kind}", halves(part))
        for part, name in enumerate(("gate", "up"))
        for kind in ("weight", "bias")
    }


def with_biases(sources: Mapping[str, str]) -> dict[str, TensorRule]:
    """Weights and biases under the same names."""
    return {f"{name}.{kind}": f"{source}.{kind}" for name, source in sources.items() for kind in ("weight", "bias")}


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
    folder: HfFolder, rules: Mapping[str, TensorRule], n_layers: int, meta: Meta, prefix: str
) -> tuple[dict[str, LazyTensor], set[str]]:
    """The tensors that the rules make of a folder's, and the names of those that they are made of.

    A rule without its source makes nothing: whether a tensor must be there, the architecture says.
    """
    tensors, used = dict[str, LazyTensor](), set[str]()
    for target, given in rules.items():
        for rule in alternatives(given):
            for i in range(n_layers) if "{i}" in target else (0,):
                given_source, name = rule.source.replace("{i}", str(i)), target.format(i=i)
                for source in places(given_source, prefix):
                    sources = rule.sources(source, meta) if isinstance(rule, GatheringRule) else [source]
                    if folder.has(sources[0]):
                        used.update(sources)
                        if name not in tensors:
                            tensors[name] = rule.tensor(folder, source, meta)
                        break
    return tensors, used


def places(source: str, prefix: str) -> list[str]:
    """The names that a source may have: with the prefix, without it, or inside "model." as since transformers 4.52."""
    bare = source.removeprefix(prefix)
    inside = f"model.{prefix}{bare.removeprefix('model.')}" if bare.startswith("model.") else source
    return list(dict.fromkeys((source, bare, prefix + bare, inside)))


def alternatives(given: TensorRule) -> Sequence[Rule]:
    """The rules that a family's table gives for one tensor."""
    return [Same(rule) if isinstance(rule, str) else rule for rule in (given if isinstance(given, tuple) else (given,))]
