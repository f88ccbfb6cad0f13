"""Which file builds which architecture: one line each."""

from __future__ import annotations

from collections.abc import Callable

from llmagentos._core.formats import GgufFile
from llmagentos._core.graph import Graph
from llmagentos.errors import InvalidRequestError, UnsupportedModelError
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
        UnsupportedModelError: an unknown architecture, an option of it that is not built, a tensor that is missing or
            has another shape, or one that the graph would leave unused: without it the answers would be another
            model's.
        ModelFormatError: metadata is missing or of the wrong type.
    """
    builder = _BUILDERS.get(checkpoint.architecture)
    if builder is None:
        raise UnsupportedModelError(
            f"{checkpoint.path}: architecture {checkpoint.architecture!r} is not supported; "
            f"these are: {', '.join(supported_architectures())}"
        )
    graph = Graph()
    try:
        builder(checkpoint, graph)
    except InvalidRequestError as error:
        # The graph's own checks: sizes of the metadata that do not fit each other.
        raise UnsupportedModelError(f"{checkpoint.path}: {error}") from error
    _check_tensors(checkpoint.file, graph)
    return graph


def _check_tensors(file: GgufFile, graph: Graph) -> None:
    tensors = {tensor.name: tensor.shape for tensor in file.tensors}
    for name, rows, cols in graph.weights:
        shape = tensors.pop(name, None)
        if shape is None:
            raise UnsupportedModelError(f"{file.path}: there is no tensor {name}, which the architecture needs")
        wanted = (cols,) if rows == 1 and len(shape) == 1 else (rows, cols)
        if shape != wanted:
            raise UnsupportedModelError(
                f"{file.path}: tensor {name} has shape {list(shape)}, the architecture needs {list(wanted)}"
            )
    if tensors:
        unused = list(tensors)
        shown = ", ".join(unused[:3]) + (f" and {len(unused) - 3} more" if len(unused) > 3 else "")
        raise UnsupportedModelError(f"{file.path}: the model uses tensors this build has no place for: {shown}")
