"""GGUF files as checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer as NativeTokenizer
from llmagentos.errors import ModelFormatError
from llmagentos.formats.chat_templates import by_tools
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.gguf_parts import open_parts
from llmagentos.formats.ids_only import IdsOnly
from llmagentos.formats.metadata import Metadata
from llmagentos.formats.tensors import GgufTensors, LazyTensor, LazyTensors, Tensors
from llmagentos.formats.tokenizer import Tokenizer
from llmagentos.gguf_names import model_name

SAMPLING_KEYS = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "penalty_repeat": "repetition_penalty",
}


def open_gguf(path: Path) -> Checkpoint:
    """Open a .gguf file, together with the others where it is one of a checkpoint's several.

    Raises:
        ModelFormatError: the file is broken, which has the byte offset where one is at fault; or a part is missing or
            another checkpoint's.
        UnsupportedModelError: it needs something this build does not have.
    """
    files = open_parts(path)
    file, tensors = files[0], _tensors(files)
    path = Path(file.path)
    architecture = file.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise ModelFormatError(f"{path}: the metadata has no general.architecture", str(path))
    if not tensors.names():
        raise ModelFormatError(f"{path}: the file lists no tensors, so it holds no model", str(path))
    template = by_tools(file.get("tokenizer.chat_template"), file.get("tokenizer.chat_template.tool_use"))
    name = file.get("general.name")
    recommended = {field: file.get(f"general.sampling.{key}") for key, field in SAMPLING_KEYS.items()}
    return Checkpoint(
        path=path,
        tensors=tensors,
        architecture=architecture,
        metadata=Metadata(file, architecture),
        tokenizer=_tokenizer(file, tensors, path.name),
        chat_template=template,
        name=name if isinstance(name, str) and name else model_name(path),
        sampling={field: value for field, value in recommended.items() if value is not None},
    )


def _tensors(files: Sequence[GgufFile]) -> Tensors:
    if len(files) == 1:
        return GgufTensors(files[0])
    parts = [GgufTensors(file) for file in files]
    return LazyTensors(
        {
            name: LazyTensor(spec, partial(part.blocks, name))
            for part in parts
            for name in part.names()
            if (spec := part.spec(name)) is not None
        }
    )


def _tokenizer(file: GgufFile, tensors: Tensors, name: str) -> Tokenizer:
    kind = file.get("tokenizer.ggml.model")
    if kind == "bert":
        from llmagentos.formats.gguf_word_pieces import word_piece_tokenizer

        return word_piece_tokenizer(file)
    if kind != "none":
        return NativeTokenizer.from_gguf(file)
    embedding = tensors.spec("token_embd.weight")
    return IdsOnly(name, embedding.shape[0] if embedding is not None else 0, ())
