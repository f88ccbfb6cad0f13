"""What a file of an architecture family offers to the registry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmagentos._core.graph import Graph
    from llmagentos.formats.checkpoint import Checkpoint
    from llmagentos.models.hf_config import HfConfig
    from llmagentos.models.hf_tensors import TensorRule


# How names of tensors begin that belong to what sees pictures, in either place.
PICTURES = tuple(f"{place}{part}." for place in ("", "model.") for part in ("vision_tower", "multi_modal_projector"))


@dataclass(frozen=True, slots=True)
class HfForm:
    """How transformers writes a model of the family.

    Attributes:
        architecture: what GGUF calls it.
        metadata: GGUF's metadata, without the architecture's prefix, from config.json. It must read each field of the
            configuration that changes the model; one that is left unread is refused.
        tensors: for GGUF's names, with {i} for a layer: where the values are.
        is_tied: whether the head is the embedding where config.json does not say. None: it is wherever there is no
            tensor for it, whatever config.json says.
        prefix: what the names of tensors begin with where the model was saved inside a class with a head, and lack
            where it was saved by itself. Either is read, whatever class config.json names.
        unused: how names of tensors begin that belong to a head for another task.
    """

    architecture: str
    metadata: Callable[[HfConfig], dict[str, Any]]
    tensors: Mapping[str, TensorRule]
    is_tied: bool | None = False
    prefix: str = "model."
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One family.

    Attributes:
        build: adds a checkpoint's nodes to a graph.
        gguf: the architectures it builds, by GGUF's names.
        hf: by the class that config.json names under "architectures".
        head_norms: those of the architectures whose queries and keys always have norms.
        is_encoder: whether its models make vectors of whole texts, rather than continue them.
        left_out: names of tensors that a checkpoint may have and its model does not use.
    """

    build: Callable[[Checkpoint, Graph], None]
    gguf: tuple[str, ...]
    hf: Mapping[str, HfForm] = field(default_factory=dict)
    head_norms: tuple[str, ...] = ()
    is_encoder: bool = False
    left_out: Callable[[Checkpoint], Collection[str]] = lambda _: ()
