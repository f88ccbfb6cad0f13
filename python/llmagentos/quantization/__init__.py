"""Quantising models: which tensor gets which format, importance matrices, GGUF files of other formats."""
