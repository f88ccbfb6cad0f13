"""Which file builds which architecture: one line each."""

from __future__ import annotations

from collections.abc import Callable

from llmagentos._core.formats import GgufFile
from llmagentos._core.graph import Graph
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models import gemma3, llama

_BUILDERS: dict[str, Callable[[Checkpoint, Graph], None]] = {
    "llama": llama.build,
    "gemma3": gemma3.build,
}


def supported_architectures() -> list[str]:
    """Names as GGUF's general.architecture has them."""
    return sorted(_BUILDERS)


def build_graph(checkpoint: Checkpoint) -> Graph:
    """The checkpoint's model as a graph whose output is the logits of the selected rows.

    Raises:
        UnsupportedModelError: an unknown architecture, an option of it that is not built, or a tensor that the graph
            would leave unused: running without it would give another model's answers.
        ModelFormatError: metadata is missing or of the wrong type.
    """
    builder = _BUILDERS.get(checkpoint.architecture)
    if builder is None:
        raise UnsupportedModelError(
            f"{checkpoint.path}: architecture {checkpoint.architecture!r} is not supported; "
            f"these are: {', '.join(supported_architectures())}"
        )
    graph = Graph()
    builder(checkpoint, graph)
    _check_all_used(checkpoint.file, graph)
    return graph


def _check_all_used(file: GgufFile, graph: Graph) -> None:
    used = {name for name, _, _ in graph.weights}
    unused = [tensor.name for tensor in file.tensors if tensor.name not in used]
    if unused:
        shown = ", ".join(unused[:3]) + (f" and {len(unused) - 3} more" if len(unused) > 3 else "")
        raise UnsupportedModelError(f"{file.path}: the model uses tensors this build has no place for: {shown}")
