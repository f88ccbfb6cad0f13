"""A checkpoint's tensors, whatever kind of file they lie in: named as GGUF names them, read when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from mmap import mmap
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.formats import GgufBytes, GgufFile
from llmagentos._core.quant import dequantize, dtypes

# What the core's executor takes: (name, weight format, shape, function that gives the bytes and whether they are a
# mapped file's) of each tensor.
Arrays: TypeAlias = "list[tuple[str, str, tuple[int, ...], Callable[[], tuple[NDArray[Any], bool]]]]"

BLOCKS = {name: (n_values, n_bytes) for name, _, n_values, n_bytes in dtypes()}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What is known of a tensor without reading it.

    Attributes:
        dtype: the weight format's name, such as "Q4_K".
        shape: dimensions, outermost first.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def n_values(self) -> int:
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        n_values, n_bytes = BLOCKS[self.dtype]
        return self.n_values // n_values * n_bytes


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """A tensor that is computed, or mapped, when it is read.

    Attributes:
        read: its values or blocks as a contiguous array of spec.n_bytes bytes, of any element type.
    """

    spec: TensorSpec
    read: Callable[[], NDArray[Any]]


class Tensors(Protocol):
    """The tensors of one checkpoint."""

    def names(self) -> list[str]: ...
    def spec(self, name: str) -> TensorSpec | None:
        """None where there is no such tensor."""

    def blocks(self, name: str) -> NDArray[np.uint8]:
        """A tensor's bytes, mapped where they can be."""

    def native(self) -> GgufFile | Arrays:
        """As the core's executor takes them."""


def decoded(tensors: Tensors, name: str) -> NDArray[np.float32]:
    """A tensor's values as float32, in its shape. For small ones: it is decoded as a whole."""
    spec = tensors.spec(name)
    if spec is None:
        raise KeyError(name)
    return dequantize(tensors.blocks(name), spec.dtype, spec.n_values).reshape(spec.shape)


class GgufTensors:
    """Those of a GGUF file."""

    def __init__(self, file: GgufFile) -> None:
        self._file = file

    def names(self) -> list[str]:
        return self._file.tensor_names()

    def spec(self, name: str) -> TensorSpec | None:
        tensor = self._file.tensor(name)
        return None if tensor is None else TensorSpec(tensor.dtype, tensor.shape)

    def blocks(self, name: str) -> NDArray[np.uint8]:
        return np.frombuffer(self._file.tensor_data(name), np.uint8)

    def native(self) -> GgufFile:
        return self._file


class LazyTensors:
    """Those that are given as functions."""

    def __init__(self, tensors: Mapping[str, LazyTensor]) -> None:
        self._tensors = dict(tensors)

    def names(self) -> list[str]:
        return list(self._tensors)

    def spec(self, name: str) -> TensorSpec | None:
        tensor = self._tensors.get(name)
        return None if tensor is None else tensor.spec

    def blocks(self, name: str) -> NDArray[np.uint8]:
        return self._tensors[name].read().reshape(-1).view(np.uint8)

    def native(self) -> Arrays:
        return [(name, it.spec.dtype, it.spec.shape, partial(_opened, it)) for name, it in self._tensors.items()]


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether its bytes are those of a file that is mapped read-only, rather than memory of their own."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return isinstance(owner, (mmap, GgufBytes)) and not array.flags.writeable


def _opened(tensor: LazyTensor) -> tuple[NDArray[Any], bool]:
    array = tensor.read()
    return array, is_mapped(array)
