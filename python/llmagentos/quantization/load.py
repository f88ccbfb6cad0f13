"""Float checkpoints that are quantised while they are loaded."""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos.errors import InvalidRequestError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import TensorSpec
from llmagentos.models.fused import fused, joined_parts
from llmagentos.quantization.mixes import FLOATS, check_is_float, formats_of, is_quantizable


@dataclass(frozen=True, slots=True)
class Packing:
    """The formats that weights have in memory.

    Attributes:
        quantize_to: of the tensors that are quantised.
        bytes_per_format: of all tensors, largest first.
    """

    quantize_to: dict[str, str]
    bytes_per_format: dict[str, int]

    @property
    def n_bytes(self) -> int:
        return sum(self.bytes_per_format.values())


def packing_of(checkpoint: Checkpoint, mix: str | None) -> Packing:
    """How a checkpoint is packed: as it is, or under a mix. Build the graph first: this reads the metadata.

    Raises:
        InvalidRequestError: the checkpoint is quantised already.
    """
    if mix is None:
        return Packing({}, checkpoint.bytes_per_format)
    wanted = formats_of(fused(checkpoint), mix)  # as of a file that is written
    for whole, parts in joined_parts(checkpoint.tensors, checkpoint.architecture).items():
        wanted |= dict.fromkeys(parts, wanted.pop(whole))
    check_is_float(checkpoint, wanted)
    quantize_to, sizes = dict[str, str](), dict[str, int]()
    for name in checkpoint.tensors.names():
        spec = checkpoint.tensors.spec(name)
        if spec is None:
            continue
        dtype = wanted[name] if is_quantizable(name, spec) else spec.dtype
        if dtype != spec.dtype:
            if spec.dtype not in FLOATS:
                raise InvalidRequestError(f"{checkpoint.path} is quantised already: {name} is {spec.dtype}")
            quantize_to[name] = dtype
        sizes[dtype] = sizes.get(dtype, 0) + TensorSpec(dtype, spec.shape).n_bytes
    return Packing(quantize_to, dict(sorted(sizes.items(), key=lambda item: -item[1])))
