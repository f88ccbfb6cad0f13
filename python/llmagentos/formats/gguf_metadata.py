"""A checkpoint's metadata and tokenizer as GGUF files keep them."""

from __future__ import annotations

from typing import Any

from llmagentos._core.formats import GgufFile
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.gguf import SAMPLING_KEYS
from llmagentos.formats.gguf_tokenizer import gguf_tokenizer
from llmagentos.formats.gguf_writer import GgufValue, gguf_value

# What a copy decides for itself: its alignment, and that it is one file.
_OWN = ("general.alignment", "split.no", "split.count", "split.tensors.count")


def gguf_metadata(checkpoint: Checkpoint) -> dict[str, GgufValue]:
    """All keys but those that tell the weights' formats: of a GGUF file its own, of a folder what they would be.

    Raises:
        UnsupportedModelError: the folder's tokenizer has no form in GGUF.
    """
    source = checkpoint.tensors.native()
    if checkpoint.path.is_file() and not isinstance(source, GgufFile):
        source = GgufFile(checkpoint.path)  # whose tensors were changed on the way
    if isinstance(source, GgufFile):
        keys = source.keys()
        return {key: _copied(source, key) for key in keys if key not in _OWN}
    values = {
        "general.architecture": checkpoint.architecture,
        "general.type": "model",
        "general.name": checkpoint.name,
        **_sampling(checkpoint),
        **dict(checkpoint.metadata.items()),
        "tokenizer.chat_template": checkpoint.chat_template,
    }
    try:
        made = {key: gguf_value(value) for key, value in values.items() if value is not None}
    except ValueError as error:
        raise UnsupportedModelError(f"{checkpoint.path}: {error}") from error
    return made | gguf_tokenizer(checkpoint.path, checkpoint.vocab_size)


def _sampling(checkpoint: Checkpoint) -> dict[str, Any]:
    found = {key: checkpoint.sampling.get(field) for key, field in SAMPLING_KEYS.items()}
    return {
        f"general.sampling.{key}": float(value) if isinstance(value, int) and key != "top_k" else value
        for key, value in found.items()
    }


def _copied(file: GgufFile, key: str) -> GgufValue:
    kind, element = file.value_type(key) or ("", "")
    return GgufValue(element, file.array(key) if kind == "array" else file.get(key))
