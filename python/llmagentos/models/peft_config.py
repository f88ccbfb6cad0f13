"""adapter_config.json, as PEFT writes it: how strong each module's update is, and that nothing else is asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_folder import read_json
from llmagentos.models.hf_config import HfConfig

_T = TypeVar("_T", bound=float)
CONFIG = "adapter_config.json"
_MAX_RANK = 4096
# How training began, where that left the model's own weights as they are. Others (PiSSA, OLoRA, LoftQ, ...) take a part
# of them into the factors, which then fit no longer to the model as it is published.
_STARTS = (True, "gaussian", "eva", "orthogonal")
# What says which modules are updated or saved, which the tensors do; and what is of training, or of names.
_WITHOUT_EFFECT = (
    "target_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "modules_to_save",
    "fan_in_fan_out",  # how the model's weight lies, not the factors
    "lora_dropout",
    "task_type",
    "inference_mode",
    "base_model_name_or_path",
    "revision",
    "auto_mapping",
    "peft_version",
    "eva_config",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
)
_QUANTIFIED_GROUP = re.compile(r"\)[*+?{]")
_MAX_QUANTIFIERS = 3  # with no groups among them: a pattern of an untrusted file then ends soon


@dataclass(frozen=True, slots=True)
class PeftConfig:
    """The ranks and scales of an adapter's modules.

    Attributes:
        rank, alpha: of modules that no pattern names.
        rank_pattern, alpha_pattern: by patterns of module names.
        uses_rslora: whether alpha is divided by the rank's square root (Kalajdzievski, 2023) rather than the rank.
        uses_dora: whether the rows of changed weights have lengths of their own (Liu et al., 2024).
    """

    path: str
    rank: int
    alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    uses_rslora: bool
    uses_dora: bool

    def rank_of(self, module: str) -> int:
        return _first_match(self.rank_pattern, module, self.rank)

    def scale_of(self, module: str) -> float:
        """What the product of the module's factors is multiplied with."""
        rank = self.rank_of(module)
        return _first_match(self.alpha_pattern, module, self.alpha) / (math.sqrt(rank) if self.uses_rslora else rank)


def read_peft_config(folder: Path) -> PeftConfig:
    """The configuration in an adapter's folder.

    Raises:
        ModelNotFoundError: there is none.
        ModelFormatError: a field of the wrong type or out of range.
        UnsupportedModelError: another method than LoRA, or a field that asks for more than this build does.
    """
    path = folder / CONFIG
    given = read_json(path)
    config = HfConfig(str(path), {name: value for name, value in given.items() if not _is_off(value)})
    config.expect("peft_type", "LORA")
    config.expect("bias", "none")
    config.expect("init_lora_weights", *_STARTS)
    config.ignore(*_WITHOUT_EFFECT)
    rank = config.integer("r", 8, low=1)
    if rank > _MAX_RANK:
        raise UnsupportedModelError(f"{path}: r={rank} is not supported: ranks up to {_MAX_RANK} are")
    made = PeftConfig(
        str(path),
        rank,
        config.number("lora_alpha", 8.0),
        _patterns(config, "rank_pattern", int),
        _patterns(config, "alpha_pattern", (int, float)),
        config.flag("use_rslora", False),
        config.flag("use_dora", False),
    )
    config.check_all_read()
    return made


def _is_off(value: Any) -> bool:
    """Whether a field says that what it is for is not used."""
    return value is None or value is False or value in ([], {})


def _patterns(config: HfConfig, name: str, kind: Any) -> dict[str, Any]:
    patterns = config.object(name)
    for pattern, value in patterns.items():
        is_kind = isinstance(value, kind) and not isinstance(value, bool)
        if not is_kind or not (1 <= value <= _MAX_RANK if kind is int else math.isfinite(value)):
            raise ModelFormatError(f"{config.path}: {name} has {value!r} for {pattern!r}", config.path)
        quantifiers = sum(pattern.count(character) for character in "*+?{")
        if _QUANTIFIED_GROUP.search(pattern) or quantifiers > _MAX_QUANTIFIERS:
            raise UnsupportedModelError(f"{config.path}: {name} with the pattern {pattern!r} is not supported")
        try:
            re.compile(pattern)
        except re.error as error:
            message = f"{config.path}: {name} has {pattern!r}, which is no regular expression: {error}"
            raise ModelFormatError(message, config.path) from error
    return patterns


def _first_match(patterns: Mapping[str, _T], module: str, default: _T) -> _T:
    """The value of the first pattern that the module's name, or its end from a dot on, fits; as PEFT has it."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default
