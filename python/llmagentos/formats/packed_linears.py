"""Folders whose linear layers GPTQ or AWQ has quantised: their weights in this build's formats, without loss.

Both keep w = scale * (q - zero) for groups of a row's columns. Where scale is a float16, that is exactly Q4_0 if all
zeros are 8, else Q5_0, since q - zero lies in -15..15; with 8 bits and zeros of 128 it is Q8_0. What no format has, as
columns that are not in the order of their groups (desc_act), is float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import dequantize
from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.fp8_linears import unpack_fp8
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.tensors import LazyTensor, TensorSpec

BLOCK = 32
# What a zero is in a format, and how a block lies in memory.
_FORMATS: dict[str, tuple[int, np.dtype[Any]]] = {
    "Q4_0": (8, np.dtype([("d", "<f2"), ("qs", "u1", 16)])),
    "Q5_0": (16, np.dtype([("d", "<f2"), ("qh", "<u4"), ("qs", "u1", 16)])),
    "Q8_0": (0, np.dtype([("d", "<f2"), ("qs", "i1", BLOCK)])),
}
_PARTS = ("qweight", "qzeros", "scales", "g_idx")
_AWQ_COLUMNS = [0, 2, 4, 6, 1, 3, 5, 7]  # the column of each nibble of a word

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Packing:
    """How a method lays a layer out.

    Attributes:
        bits: of a quant.
        group: columns with one scale; -1: all.
        n_cols: of the weight, from qweight's shape.
        quants: all of a layer's, [n_rows, n_cols], from qweight.
        zeros: [n_groups, n_rows], from qzeros.
    """

    bits: int
    group: int
    n_cols: Callable[[tuple[int, ...]], int]
    quants: Callable[[NDArray[Any]], Bytes]
    zeros: Callable[[NDArray[Any]], NDArray[np.int16]]


def unpack_linears(folder: HfFolder) -> None:
    """Gives the folder a tensor "x.weight" in place of each "x.qweight" or 8-bit float, where config.json says so.

    Raises:
        UnsupportedModelError: another method, or settings of it that cannot be read without loss.
        ModelFormatError: tensors that do not fit one another.
    """
    settings = folder.config.get("quantization_config") or folder.quantize_config()
    if not settings:
        return
    if not isinstance(settings, Mapping):
        raise ModelFormatError(f"{folder.path}: quantization_config is {settings!r}", str(folder.path))
    if settings.get("quant_method") == "fp8":
        unpack_fp8(folder, settings)
        return
    if settings.get("quant_method") == "mxfp4":  # of experts, which their family reads
        return
    packing = _packing(folder, settings)
    made, sources = dict[str, LazyTensor](), set[str]()
    for name in folder.names():
        if name.endswith(".qweight"):
            layer = name.removesuffix(".qweight")
            made[f"{layer}.weight"] = _linear(folder, layer, packing)
            sources |= {f"{layer}.{part}" for part in _PARTS}
    folder.replace(sources, made)
    folder.config.pop("quantization_config", None)


def _packing(folder: HfFolder, settings: Mapping[str, Any]) -> _Packing:
    def setting(name: str, default: Any, *allowed: Any) -> Any:
        value = settings.get(name, default)
        if value not in allowed or isinstance(value, float):
            raise UnsupportedModelError(
                f"{folder.path}: quantization_config with {name}={value!r} is not supported; it may be "
                f"{', '.join(map(repr, allowed))}"
            )
        return value

    method = setting("quant_method", settings.get("method"), "gptq", "awq")
    setting("pack_dtype", "int32", "int32")
    dynamic = settings.get("dynamic")
    if dynamic and not (isinstance(dynamic, Mapping) and all(name.startswith("-:") for name in dynamic)):
        setting("dynamic", None, None)
    setting("adapter", None, None, {})  # what GPTQModel adds to the layers
    form = settings.get("checkpoint_format", settings.get("format"))  # as GPTQModel calls it
    group = settings.get("group_size", 128)
    if type(group) is not int or (group != -1 and group <= 0):
        raise UnsupportedModelError(f"{folder.path}: groups of {group!r} columns are not supported")
    if method == "awq":
        setting("version", form or "gemm", "gemm", "GEMM")
        return _Packing(setting("bits", 4, 4), group, lambda shape: shape[0], _awq_quants, _awq_columns)
    bits = setting("bits", None, 4, 8)
    setting("checkpoint_format", form or "gptq", "gptq", "gptq_v2")
    # The first version of the format stores zeros less one, which was taken from whole words.
    one = np.int32(0) if form == "gptq_v2" else np.int32(0x11111111 if bits == 4 else 0x01010101)
    return _Packing(
        bits,
        group,
        lambda shape: shape[0] * (32 // bits),
        lambda words: _unpacked(words.T, bits),
        lambda words: _unpacked(words.astype("<i4") + one, bits).astype(np.int16),
    )


def _linear(folder: HfFolder, layer: str, packing: _Packing) -> LazyTensor:
    scales = _scales(folder, f"{layer}.scales")
    n_groups, n_rows = scales.shape
    words = _words(folder, f"{layer}.qweight")
    n_cols = packing.n_cols(words.shape)
    group = n_cols if packing.group == -1 else packing.group
    zeros = packing.zeros(_words(folder, f"{layer}.qzeros"))
    if -(-n_cols // group) != n_groups or zeros.shape != scales.shape:
        raise ModelFormatError(
            f"{folder.path}: {layer} has {n_cols} columns in groups of {group}, scales {list(scales.shape)} and zeros "
            f"{list(zeros.shape)}",
            str(folder.path),
        )
    groups = _groups(folder, layer, np.arange(n_cols, dtype=np.int32) // np.int32(group), n_groups)
    with np.errstate(over="ignore"):
        is_exact = np.array_equal(scales.astype(np.float16).astype(np.float32), scales)
    fits = groups is None and is_exact and n_cols % group == 0 and group % BLOCK == 0
    dtype = _format_for(packing.bits, zeros) if fits else "F32"
    spec = TensorSpec(dtype, (n_rows, n_cols))

    def read() -> NDArray[Any]:
        quants = packing.quants(folder.array(f"{layer}.qweight"))
        if quants.shape != spec.shape:
            raise ModelFormatError(f"{folder.path}: {layer}.qweight does not fit its scales", str(folder.path))
        if dtype == "F32":
            of = np.arange(n_cols) // group if groups is None else groups
            weight: NDArray[np.float32] = (quants - zeros.T[:, of]) * scales.T[:, of]
            return weight
        shifts = np.repeat((_FORMATS[dtype][0] - zeros).T, group // BLOCK, axis=1).astype(np.int8)
        return _blocks(dtype, quants, shifts, np.repeat(scales.astype(np.float16).T, group // BLOCK, axis=1))

    return LazyTensor(spec, read)


def _words(folder: HfFolder, name: str) -> NDArray[Any]:
    words = folder.array(name)
    if words.dtype != np.int32 or words.ndim != 2 or words.size == 0:
        message = f"{name} must be a matrix of 32-bit integers, it has shape {list(words.shape)} of {words.dtype}"
        raise ModelFormatError(f"{folder.path}: {message}", str(folder.path))
    return words


def _groups(folder: HfFolder, layer: str, usual: NDArray[np.int32], n_groups: int) -> NDArray[np.int32] | None:
    """The group of each column, where they are not in the order of their groups."""
    name = f"{layer}.g_idx"
    groups = folder.array(name) if folder.has(name) else usual
    is_index = groups.ndim == 1 and groups.dtype.kind == "i"
    if groups.size == 0 or (is_index and np.array_equal(groups, usual)):
        return None
    if not is_index or groups.shape != usual.shape or groups.min() < 0 or groups.max() >= n_groups:
        raise ModelFormatError(f"{folder.path}: {name} does not name groups of {len(usual)} columns", str(folder.path))
    return groups


def _format_for(bits: int, zeros: NDArray[np.int16]) -> str:
    """The format that has such quants, or F32."""
    if bits == 4:
        return "Q4_0" if (zeros == 8).all() else "Q5_0"
    return "Q8_0" if (zeros == 128).all() else "F32"


def _scales(folder: HfFolder, name: str) -> NDArray[np.float32]:
    """[n_groups, n_rows]"""
    spec = folder.spec(name)
    if len(spec.shape) != 2:
        raise ModelFormatError(f"{folder.path}: {name} has shape {list(spec.shape)}", str(folder.path))
    return dequantize(folder.array(name).reshape(-1).view(np.uint8), spec.dtype, spec.n_values).reshape(spec.shape)


def _unpacked(words: NDArray[Any], bits: int) -> Bytes:
    """The quants of words along their last dimension, lowest bits first."""
    raw = np.ascontiguousarray(words).astype("<i4", copy=False).view(np.uint8)
    if bits == 8:
        return raw
    quants = np.empty((*raw.shape[:-1], raw.shape[-1] * 2), np.uint8)
    quants[..., 0::2], quants[..., 1::2] = raw & 15, raw >> 4
    return quants


def _awq_columns(words: NDArray[Any]) -> NDArray[np.int16]:
    """[n, n_words] -> [n, 8 * n_words] with AWQ's order undone."""
    nibbles = _unpacked(words, 4).reshape(len(words), -1, 8)
    quants = np.empty_like(nibbles)
    quants[..., _AWQ_COLUMNS] = nibbles
    return quants.reshape(len(words), -1).astype(np.int16)


def _awq_quants(words: NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(_awq_columns(words).T.astype(np.uint8))


def _blocks(dtype: str, quants: Bytes, shifts: NDArray[np.int8], scales: NDArray[np.float16]) -> Bytes:
    """Rows of blocks as bytes [n_rows, row_bytes].

    Args:
        quants: [n_rows, n_cols] as they are stored.
        shifts, scales: of each block [n_rows, n_blocks]; a quant of the format is the stored one plus the shift.
    """
    n_rows, n_blocks = scales.shape
    blocks = np.empty((n_rows, n_blocks), _FORMATS[dtype][1])
    blocks["d"] = scales
    shifted = quants.reshape(n_rows, n_blocks, BLOCK) + shifts.view(np.uint8)[..., None]  # modulo 256
    if dtype == "Q8_0":
        blocks["qs"] = shifted.view(np.int8)
    else:
        blocks["qs"] = shifted[..., :16] & 15 | shifted[..., 16:] << 4
    if dtype == "Q5_0":
        blocks["qh"] = np.packbits(shifted >> 4, axis=-1, bitorder="little").view("<u4")[..., 0]
    return blocks.view(np.uint8).reshape(n_rows, -1)
