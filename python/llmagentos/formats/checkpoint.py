"""A model file, opened: what it is, its tensors, its tokenizer, its chat template."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer
from llmagentos.errors import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.metadata import Metadata

MAX_LAYERS = 1024  # several times what any model has; bounds the graph that a small file can ask for


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open model file. Tensors stay mapped in the file until something packs them.

    Attributes:
        file: metadata and tensors, by GGUF's names.
        architecture: "llama", "gemma3", ...
        metadata: typed look-ups under the architecture's prefix.
        chat_template: Jinja source, or None for a model without one.
    """

    path: Path
    file: GgufFile
    architecture: str
    metadata: Metadata
    tokenizer: Tokenizer
    chat_template: str | None

    @property
    def name(self) -> str:
        """The name the file gives its model, or the file's own."""
        name = self.file.get("general.name")
        return name if isinstance(name, str) and name else self.path.stem

    @property
    def context_length(self) -> int:
        """Tokens the model was trained to hold."""
        return self.metadata.integer("context_length", low=2)  # a prompt's token and an answer's

    @property
    def n_layers(self) -> int:
        """Layers, each of which has tensors of its own in the file."""
        return self.metadata.integer("block_count", high=min(self.file.n_tensors, MAX_LAYERS))

    def has_tensor(self, name: str) -> bool:
        return self.file.tensor(name) is not None

    def n_parameters(self) -> int:
        """Values in all tensors."""
        return self.file.n_values

    def weight_formats(self) -> dict[str, int]:
        """Bytes per weight format, largest first."""
        return dict(sorted(self.file.bytes_per_dtype.items(), key=lambda item: -item[1]))


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Open a .gguf file.

    Raises:
        ModelNotFoundError: no file there.
        ModelFormatError: the file is broken; has the byte offset where one is at fault.
        UnsupportedModelError: it needs something this build does not have.
    """
    path = Path(path)
    if path.is_dir():
        raise UnsupportedModelError(f"{path} is a folder: give the path of a .gguf file")
    if not path.exists():
        raise ModelNotFoundError(f"there is no file {path}")
    file = GgufFile(str(path))
    architecture = file.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise ModelFormatError(f"{path}: the metadata has no general.architecture", str(path))
    if file.n_tensors == 0:
        raise ModelFormatError(f"{path}: the file lists no tensors, so it holds no model", str(path))
    template = file.get("tokenizer.chat_template")
    return Checkpoint(
        path=path,
        file=file,
        architecture=architecture,
        metadata=Metadata(file, architecture),
        tokenizer=Tokenizer.from_gguf(file),
        chat_template=template if isinstance(template, str) and template else None,
    )
