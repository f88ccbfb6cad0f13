"""GGUF files as checkpoints."""

from __future__ import annotations

from pathlib import Path

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer as NativeTokenizer
from llmagentos.errors import ModelFormatError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.ids_only import IdsOnly
from llmagentos.formats.metadata import Metadata
from llmagentos.formats.tensors import GgufTensors
from llmagentos.formats.tokenizer import Tokenizer

SAMPLING_KEYS = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "penalty_repeat": "repetition_penalty",
}


def open_gguf(path: Path) -> Checkpoint:
    """Open a .gguf file.

    Raises:
        ModelFormatError: the file is broken; has the byte offset where one is at fault.
        UnsupportedModelError: it needs something this build does not have.
    """
    file = GgufFile(str(path))
    architecture = file.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise ModelFormatError(f"{path}: the metadata has no general.architecture", str(path))
    if file.n_tensors == 0:
        raise ModelFormatError(f"{path}: the file lists no tensors, so it holds no model", str(path))
    template, name = file.get("tokenizer.chat_template"), file.get("general.name")
    recommended = {field: file.get(f"general.sampling.{key}") for key, field in SAMPLING_KEYS.items()}
    return Checkpoint(
        path=path,
        tensors=GgufTensors(file),
        architecture=architecture,
        metadata=Metadata(file, architecture),
        tokenizer=_tokenizer(file, path.name),
        chat_template=template if isinstance(template, str) and template else None,
        name=name if isinstance(name, str) and name else path.stem,
        sampling={field: value for field, value in recommended.items() if value is not None},
    )


def _tokenizer(file: GgufFile, name: str) -> Tokenizer:
    kind = file.get("tokenizer.ggml.model")
    if kind == "bert":
        from llmagentos.formats.gguf_word_pieces import word_piece_tokenizer

        return word_piece_tokenizer(file)
    if kind != "none":
        return NativeTokenizer.from_gguf(file)
    embedding = file.tensor("token_embd.weight")
    return IdsOnly(name, embedding.shape[0] if embedding is not None else 0, ())
