"""Kinds of memory: what a model is shown of a conversation, and of others."""
