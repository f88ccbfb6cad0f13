"""Checkpoints on disk: configuration, named tensors, tokenizer and chat template."""

from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.metadata import Metadata

__all__ = ["Checkpoint", "Metadata"]
