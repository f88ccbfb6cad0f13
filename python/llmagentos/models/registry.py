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
            has another shape, or a tensor or an option that the graph would leave unused: without it the answers
            would be another model's.
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
    _check_metadata(checkpoint)
    return graph


def _check_tensors(file: GgufFile, graph: Graph) -> None:
    used = set()
    for name, rows, cols in graph.weights:
        tensor = file.tensor(name)
        if tensor is None:
            raise UnsupportedModelError(f"{file.path}: there is no tensor {name}, which the architecture needs")
        wanted = (cols,) if rows == 1 and len(tensor.shape) == 1 else (rows, cols)
        if tensor.shape != wanted:
            raise UnsupportedModelError(
                f"{file.path}: tensor {name} has shape {list(tensor.shape)}, the architecture needs {list(wanted)}"
            )
        used.add(name)
    if file.n_tensors > len(used):
        unused = [name for name in file.tensor_names() if name not in used]
        raise UnsupportedModelError(
            f"{file.path}: the model uses tensors this build has no place for: {_some_of(unused)}"
        )


def _check_metadata(checkpoint: Checkpoint) -> None:
    """An option that nothing has read is one that the graph does not have."""
    ignored = checkpoint.metadata.unread()
    if ignored:
        raise UnsupportedModelError(
            f"{checkpoint.path}: the model sets options this build has no place for: {_some_of(ignored)}"
        )


def _some_of(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
