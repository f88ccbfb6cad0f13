"""What a case of the families' oracles is. Needs no torch, so that tests and the documentation read the cases, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

VOCAB = 83


@dataclass(frozen=True)
class Case:
    """One tiny model of a family, with random weights.

    Attributes:
        name: of its folder below data/.
        model_class, config_class: transformers' classes.
        config: arguments of the configuration.
        checks: what the case exercises that others of its family do not, for docs/models.md.
        dtype: of the weights in the file.
        json: fields of config.json that are written over after saving, as other versions and models on the hub have
            them; None takes one away. The expected results come from transformers opening the folder with them.
        generation: what generation_config.json holds.
        refused: options that the model's class has and this package has not: fields of config.json that must raise
            UnsupportedModelError with this value.
        prompt_lengths: tokens of the prompts that are continued greedily. The last one's beams are searched. Of an
            encoder-decoder model each is read by the encoder and answered as generation_config.json says, too.
        attention: transformers' implementation that the expected results come from.
        text_lengths: tokens of an encoder's texts.
        kind: how the expected results are made (expected.py) and which tests read them.
    """

    name: str
    model_class: str
    config_class: str
    config: Mapping[str, Any]
    checks: str = ""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    json: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, Any] = field(default_factory=dict)
    prompt_lengths: tuple[int, ...] = (1, 37, 9)
    attention: Literal["eager", "sdpa"] = "eager"
    text_lengths: tuple[int, ...] = (1, 7, 33, 90)
    kind: str = "decoder"

    @property
    def saved_class(self) -> str:
        """The class that config.json names."""
        named: str = self.json.get("architectures", [self.model_class])[0]
        return named
