"""How a checkpoint makes one vector of a text, and what becomes of that: GGUF's pooling_type, and keys of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint, Pooling

Rows = Literal["mean", "cls", "last"]
Scores = Literal["softmax", "sigmoid", "none"]

# GGUF's numbers. 0 stands for no pooling, 4 for a classifier.
POOLING_TYPES: dict[Rows, int] = {"mean": 1, "cls": 2, "last": 3}
CLASSIFIER = 4
MODES = "embedding.pooling"  # our own key: what is made of all rows (engine/row_pooling.py)
# sentence-transformers' flags (pooling_mode_cls_token) and words (pooling_mode), in the order in which vectors lie.
MODE_OF_FLAG = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean_tokens": "weightedmean",
    "lasttoken": "lasttoken",
}
_SCORES: tuple[Scores, ...] = ("softmax", "sigmoid", "none")


@dataclass(frozen=True, slots=True)
class VectorSettings:
    """What a checkpoint says of texts before the model and of vectors behind it.

    Attributes:
        normalize: whether embeddings are scaled to length one.
        n_dims: how many of an embedding's elements are kept, the first ones; None keeps all.
        max_length: tokens of a text at most; None leaves the bound to the model.
        lowercase: whether texts are lowercased before they are tokenised.
        prompts: by name, what is put before a text.
        default_prompt: the name of the one that is used where none is asked for.
        labels: of a classifier's outputs; empty where it names none.
        scores: what makes scores of a classifier's outputs.
    """

    normalize: bool = True
    n_dims: int | None = None
    max_length: int | None = None
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    labels: tuple[str, ...] = ()
    scores: Scores | None = None


def pooling_of(checkpoint: Checkpoint, is_encoder: bool) -> Pooling | None:
    """How the checkpoint's rows become one vector; None for a model that generates.

    Raises:
        UnsupportedModelError: in a way that this build does not have.
    """
    meta = checkpoint.metadata
    kind, modes = meta.integer("pooling_type", 0, low=0), tuple(meta.strings(MODES))
    if modes:
        if not set(modes) <= set(MODE_OF_FLAG.values()):
            raise UnsupportedModelError(f"{checkpoint.path}: pooling by {' and '.join(modes)} is not supported")
        return Pooling("all", modes=modes)
    if kind == 0:
        return Pooling("mean") if is_encoder else None
    named = meta.string("classifier.pooling", "cls" if is_encoder else "last") if kind == CLASSIFIER else None
    for rows, number in POOLING_TYPES.items():
        if named == rows or kind == number:
            return Pooling(rows, is_classifier=named is not None)
    raise UnsupportedModelError(
        f"{checkpoint.path}: pooling_type={kind}" + f" of {named!r}" * (named is not None) + " is not supported"
    )


def vector_settings(checkpoint: Checkpoint) -> VectorSettings:
    """What the checkpoint says; files of llama.cpp have labels only, and their embeddings are normalised.

    Raises:
        ModelFormatError: a key of the wrong type.
        UnsupportedModelError: scores of a kind that this build does not have.
    """
    meta = checkpoint.metadata
    named = meta.string("classifier.scores", None)
    scores = next((scores for scores in _SCORES if scores == named), None)
    if scores != named:
        raise UnsupportedModelError(f"{checkpoint.path}: classifier.scores={named!r} is not supported")
    names, texts = meta.strings("embedding.prompt_names"), meta.strings("embedding.prompts")
    return VectorSettings(
        normalize=meta.flag("embedding.normalize", True),
        n_dims=meta.integer("embedding.truncate", None, low=1),
        max_length=meta.integer("embedding.max_length", None),
        lowercase=meta.flag("embedding.lowercase", False),
        prompts=dict(zip(names, texts, strict=False)),
        default_prompt=meta.string("embedding.default_prompt", None),
        labels=tuple(meta.strings("classifier.output_labels")),
        scores=scores,
    )
