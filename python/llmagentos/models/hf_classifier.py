"""What config.json says of a classifier's outputs, as metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.pooling import CLASSIFIER

_SCORES = {
    "single_label_classification": "softmax",
    "multi_label_classification": "sigmoid",
    "regression": "none",
}
# What sentence-transformers' cross-encoders apply to their outputs.
_FUNCTIONS = {"torch.nn.modules.linear.Identity": "none", "torch.nn.modules.activation.Sigmoid": "sigmoid"}


def classifier_metadata(config: HfConfig, activation: str = "tanh") -> dict[str, Any]:
    """Of a sequence classifier whose head activates its first layer so.

    Raises:
        UnsupportedModelError: scores are made of its outputs in a way that this build does not have.
    """
    made: dict[str, Any] = {"pooling_type": CLASSIFIER, "classifier.activation": activation}
    labels = config.get("id2label", {})
    if labels:
        try:
            made["classifier.output_labels"] = [str(labels[index]) for index in sorted(labels, key=int)]
        except (AttributeError, TypeError, ValueError, LookupError):
            raise ModelFormatError(f"{config.path}: id2label must map numbers to labels", config.path) from None
    scores = config.choice("problem_type", _SCORES | {None: None}, None)
    trained_with = config.get("sentence_transformers", {})
    name = trained_with.get("activation_fn") if isinstance(trained_with, dict) else None
    name = name or config.get("sbert_ce_default_activation_function")
    if name is not None:
        scores = scores_by(name, config.path)
    return made if scores is None else made | {"classifier.scores": scores}


def scores_by(name: Any, path: str | Path) -> str:
    """What a function that sentence-transformers names makes of a classifier's outputs.

    Raises:
        UnsupportedModelError: another function.
    """
    if not isinstance(name, str) or name not in _FUNCTIONS:
        raise UnsupportedModelError(f"{path}: activation_fn={name!r} is not supported")
    return _FUNCTIONS[name]
