"""Experts as transformers has them: each in tensors of its own, or all of a layer in one, gate and up together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.tensors import LazyTensor, TensorSpec
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_tensors import GatheringRule, Meta, TensorRule

RowsOf: TypeAlias = Callable[[int], slice]  # which rows of an expert, from the number of all

_MAX_EXPERTS = 4096  # several times what any model has; bounds the names that are looked for
_MXFP4_BYTES = 17  # of a block: the scale's exponent, then 32 values in nibbles


def all_rows(n: int) -> slice:
    return slice(n)


def first_half(n: int) -> slice:
    return slice(n // 2)


def second_half(n: int) -> slice:
    return slice(n // 2, n)


def even_rows(n: int) -> slice:
    return slice(0, n, 2)


def odd_rows(n: int) -> slice:
    return slice(1, n, 2)


@dataclass(frozen=True, slots=True)
class EachExpert(GatheringRule):
    """Experts that are tensors of their own, with {e} for an expert in the name."""

    source: str

    def sources(self, name: str, meta: Meta) -> list[str]:
        return [name.replace("{e}", str(e)) for e in range(meta["expert_count"])]

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        names = self.sources(name, meta)
        spec = folder.spec(names[0])
        odd = next((other for other in names if folder.spec(other) != spec), None)
        if odd is not None:
            raise UnsupportedModelError(f"{folder.path}: tensor {odd} differs in shape or type from {names[0]}")
        whole = TensorSpec(spec.dtype, (len(names), *spec.shape))
        return LazyTensor(whole, lambda: np.stack([folder.array(each) for each in names]))


@dataclass(frozen=True, slots=True)
class ExpertRows:
    """Some rows of every expert of a tensor [n_experts, rows, columns] or, of biases, [n_experts, rows].

    Attributes:
        is_turned: rows are the last dimension.
    """

    source: str
    rows: RowsOf
    is_turned: bool = False

    def tensor(self, folder: HfFolder, name: str, _: Meta) -> LazyTensor:
        def chosen() -> NDArray[Any]:
            array = folder.array(name)
            if self.is_turned:
                array = array.swapaxes(-1, -2)
            return np.ascontiguousarray(array[:, self.rows(n)])

        spec, shape = folder.spec(name), folder.shape(name)
        if len(shape) not in ((3,) if self.is_turned else (2, 3)):
            raise UnsupportedModelError(f"{folder.path}: tensor {name} has shape {list(shape)}, which it cannot have")
        if self.is_turned:
            shape = (*shape[:-2], shape[-1], shape[-2])
        n = shape[1]
        return LazyTensor(TensorSpec(spec.dtype, (shape[0], len(range(n)[self.rows(n)]), *shape[2:])), chosen)


@dataclass(frozen=True, slots=True)
class Mxfp4Rows(GatheringRule):
    """Some rows of every expert of a tensor of 4-bit floats: NAME_blocks [n_experts, rows, blocks, 16] and NAME_scales.

    Byte i of a block holds values 2i and 2i + 1, in GGUF's blocks i and i + 16.
    """

    source: str
    rows: RowsOf

    def sources(self, name: str, _: Meta) -> list[str]:
        return [f"{name}_blocks", f"{name}_scales"]

    def tensor(self, folder: HfFolder, name: str, meta: Meta) -> LazyTensor:
        def packed() -> NDArray[np.uint8]:
            blocks, scales = (folder.array(source)[:, self.rows(n_rows)] for source in self.sources(name, meta))
            made = np.empty((*scales.shape, _MXFP4_BYTES), np.uint8)
            made[..., 0] = scales
            values = np.stack([blocks & 15, blocks >> 4], axis=-1).reshape(*scales.shape, 32)
            made[..., 1:] = values[..., :16] | values[..., 16:] << 4
            return made

        scales, blocks = folder.shape(f"{name}_scales"), folder.shape(f"{name}_blocks")
        if len(scales) != 3 or blocks != (*scales, 16):
            message = f"{name}_blocks has shape {list(blocks)}, {name}_scales has {list(scales)}"
            raise UnsupportedModelError(f"{folder.path}: {message}")
        n_experts, n_rows, n_blocks = scales
        shape = (n_experts, len(range(n_rows)[self.rows(n_rows)]), 32 * n_blocks)
        return LazyTensor(TensorSpec("MXFP4", shape), packed)


def expert_tensors(each: str, fused: str, *, gate: str, up: str, down: str) -> dict[str, TensorRule]:
    """Of experts in either form.

    Args:
        each: above an expert's number, where each has weights of the names `gate`, `up` and `down`.
        fused: above the tensors of all experts, as transformers 5 holds them in memory.
    """
    return {
        "blk.{i}.ffn_gate_exps.weight": (
            EachExpert(f"{each}.{{e}}.{gate}.weight"),
            ExpertRows(f"{fused}.gate_up_proj", first_half),
        ),
        "blk.{i}.ffn_up_exps.weight": (
            EachExpert(f"{each}.{{e}}.{up}.weight"),
            ExpertRows(f"{fused}.gate_up_proj", second_half),
        ),
        "blk.{i}.ffn_down_exps.weight": (EachExpert(f"{each}.{{e}}.{down}.weight"), f"{fused}.down_proj"),
    }


def experts_metadata(config: HfConfig) -> dict[str, Any]:
    """How many experts there are, and how many a token goes to."""
    config.ignore("output_router_logits", "router_aux_loss_coef", "router_jitter_noise")  # of training
    config.ignore("decoder_sparse_step", "mlp_only_layers")  # which layers have experts: the tensors say
    n_experts = config.integer("num_experts", None)
    n_experts = config.integer("num_local_experts") if n_experts is None else n_experts
    if not 1 <= n_experts <= _MAX_EXPERTS:
        raise UnsupportedModelError(f"{config.path}: {n_experts} experts are not supported: 1 to {_MAX_EXPERTS} are")
    return {
        "expert_count": n_experts,
        "expert_used_count": config.integer("num_experts_per_tok"),
    }
