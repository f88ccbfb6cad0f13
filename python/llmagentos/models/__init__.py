"""Architectures: from a checkpoint to a graph."""

from llmagentos.models.registry import build_graph, open_checkpoint, supported_architectures, supported_hf_classes

__all__ = ["build_graph", "open_checkpoint", "supported_architectures", "supported_hf_classes"]
