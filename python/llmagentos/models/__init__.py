"""Architectures: from a checkpoint's metadata to a graph."""

from llmagentos.models.registry import build_graph, supported_architectures

__all__ = ["build_graph", "supported_architectures"]
