"""Random weights that make every part of a tiny model count: attention is peaked, norms and biases are not neutral."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D


def spread(model: nn.Module, seed_text: str) -> None:
    """Draw all parameters anew. Each has a generator of its own, by its name, so that none hangs on the others."""
    for module_name, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:  # constants, such as sinusoidal positions
                continue
            values = _normal(parameter, seed_text, f"{module_name}.{name}")
            if module_name.endswith("Attention.q"):  # of T5, which does not scale its scores
                values *= 0.25
            with torch.no_grad():
                parameter.copy_(_scaled(module, parameter, values))
    for name, buffer in model.named_buffers():
        if name == "final_logits_bias":
            buffer.copy_(_normal(buffer, seed_text, name))
        if name.endswith("e_score_correction_bias"):
            buffer.copy_(0.25 * _normal(buffer, seed_text, name))


def _normal(like: torch.Tensor, seed_text: str, name: str) -> torch.Tensor:
    rng = np.random.default_rng([zlib.crc32(seed_text.encode()), zlib.crc32(name.encode())])
    return torch.from_numpy(rng.standard_normal(tuple(like.shape)).astype(np.float32))


def _scaled(module: nn.Module, parameter: nn.Parameter, values: torch.Tensor) -> torch.Tensor:
    """Standard normal values in the measure of what the parameter is for."""
    if isinstance(module, nn.Embedding):
        return 0.5 * values
    if parameter.ndim == 1:  # norms and biases: about what they begin as, which is one or zero
        return parameter.float().round() + 0.25 * values
    fan_in = parameter.shape[0] if isinstance(module, Conv1D) else parameter.shape[-1]
    return 1.6 / fan_in**0.5 * values
