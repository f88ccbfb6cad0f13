"""A transformers folder as a checkpoint: GGUF's metadata and tensor names, so that one builder serves both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.hf_tokenizer import HfTokenizer, open_tokenizer
from llmagentos.formats.ids_only import IdsOnly
from llmagentos.formats.metadata import GivenKeyValues, Metadata
from llmagentos.formats.packed_linears import unpack_linears
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec
from llmagentos.models.family import HfForm
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_generation import GenerationSettings
from llmagentos.models.hf_sentence import cross_encoder_metadata, dense_tensors, sentence_metadata
from llmagentos.models.hf_tensors import gguf_tensors
from llmagentos.models.pooling import CLASSIFIER, POOLING_TYPES

# Arrays that a family's metadata may hold and that GGUF keeps as tensors.
_AS_TENSORS = {
    "position_embd": "position_embd.weight",
    "rope.factors": "rope_freqs.weight",
    "rope.long_factor": "rope_factors_long.weight",
    "rope.short_factor": "rope_factors_short.weight",
}
# The fields that say how many layers there are.
_LAYER_COUNTS = (
    "num_hidden_layers",
    "num_layers",
    "num_decoder_layers",
    "n_layer",
    "n_layers",
    "encoder_layers",
    "decoder_layers",
)
# What older versions of transformers saved with the weights: constants that the architecture says, or of no use.
_BUFFERS = re.compile(
    r"(rotary_emb\.inv_freq|\.attn\.(masked_)?bias|\.attention\.(masked_)?bias|position_ids"
    r"|coder\.embed_positions\.weights?|coder\.version|EncDecAttention\.relative_attention_bias\.weight)$"
)


def hf_checkpoint(folder: HfFolder, form: HfForm, *, has_head: bool = True) -> Checkpoint:
    """The folder's model in the form of its family.

    Args:
        has_head: whether it was saved as a class with the output head that the form has.

    Raises:
        UnsupportedModelError: a field of the configuration, or a tensor, that this build has no place for.
        ModelFormatError: a field is missing or of the wrong type.
    """
    unpack_linears(folder)
    path = str(folder.path)
    _check_layers(folder)
    config = HfConfig(path, folder.config)
    metadata = form.metadata(config)
    is_encoder_decoder = "decoder_block_count" in metadata
    is_classifier = metadata.get("pooling_type") == CLASSIFIER
    if is_classifier:
        metadata |= cross_encoder_metadata(folder)
    elif not is_encoder_decoder:
        metadata |= sentence_metadata(folder)
    if not has_head:
        metadata.setdefault("pooling_type", POOLING_TYPES["last"])
    generation = GenerationSettings(folder, config, is_encoder_decoder)
    metadata |= generation.metadata()
    is_tied = config.flag("tie_word_embeddings", bool(form.is_tied))
    config.check_all_read()

    n_layers = max(metadata["block_count"], metadata.get("decoder_block_count", 0))
    tensors, used = gguf_tensors(folder, form.tensors, n_layers, metadata, form.prefix)
    if is_tied and form.is_tied is not None and _is_again(tensors, "output.weight", "token_embd.weight"):
        del tensors["output.weight"]  # where a version has written it, too
    for key, name in _AS_TENSORS.items():
        values = metadata.pop(key, None)
        if values is not None:
            tensors.setdefault(name, _given(values))  # where the folder has it as a tensor, too, that one is taken
    if not is_classifier:
        tensors |= dense_tensors(folder)
    generation.ban(tensors, metadata)
    unknown = [
        name
        for name in folder.names()
        if name not in used and not _BUFFERS.search(name) and not name.startswith(form.unused)
    ]
    if unknown:
        raise UnsupportedModelError(
            f"{path}: the model has tensors this build has no place for: {', '.join(unknown[:3])}"
            + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        )
    needs_head = not is_tied and form.is_tied is not None and "output.weight" in form.tensors
    if needs_head and "output.weight" not in tensors and "pooling_type" not in metadata:
        raise UnsupportedModelError(
            f"{path}: there is no tensor {form.tensors['output.weight']}, and none is tied to it"
        )
    keyed = {f"{form.architecture}.{key}": _listed(value) for key, value in metadata.items()}
    tokenizer = _tokenizer(folder, LazyTensors(tensors))
    return Checkpoint(
        path=folder.path,
        tensors=LazyTensors(tensors),
        architecture=form.architecture,
        metadata=Metadata(GivenKeyValues(path, keyed), form.architecture),
        tokenizer=tokenizer,
        chat_template=folder.chat_template(),
        name=folder.path.name,
        sampling=generation.sampling(),
        missing_ids=tokenizer.missing_ids if isinstance(tokenizer, HfTokenizer) else frozenset(),
    )


def _is_again(tensors: Mapping[str, LazyTensor], name: str, other: str) -> bool:
    """Whether a tensor is there that has the same bytes as another. A head that is said to be tied and has other values
    was trained by itself: transformers takes it as it is."""
    if name not in tensors or other not in tensors:
        return False
    given, usual = tensors[name], tensors[other]
    if given.spec != usual.spec or not given.spec.shape:
        return False
    return np.array_equal(given.read().view(np.uint8), usual.read().view(np.uint8))


def _check_layers(folder: HfFolder) -> None:
    """That there are no more layers than tensors, before anything is made for each layer."""
    text, n_tensors = folder.config.get("text_config"), len(folder.names())
    for fields in (folder.config, text if isinstance(text, dict) else {}):
        for name in _LAYER_COUNTS:
            n_layers = fields.get(name)
            if isinstance(n_layers, int) and n_layers > n_tensors:
                message = f"{folder.path}: {name} says {n_layers} layers, but there are {n_tensors} tensors"
                raise ModelFormatError(message, str(folder.path))


def _tokenizer(folder: HfFolder, tensors: LazyTensors) -> HfTokenizer | IdsOnly:
    """The folder's tokenizer for as many ids as the embedding has rows."""
    embedding = tensors.spec("token_embd.weight")
    n_vocab = 0 if embedding is None or not embedding.shape else embedding.shape[0]
    end_ids = [id for id in folder.end_ids() if 0 <= id < n_vocab]  # others, as small models have them, never come
    return open_tokenizer(folder.path, n_vocab, end_ids) or IdsOnly(folder.path.name, n_vocab, end_ids)


def _given(values: NDArray[np.float32]) -> LazyTensor:
    return LazyTensor(TensorSpec("F32", values.shape), lambda: values)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
