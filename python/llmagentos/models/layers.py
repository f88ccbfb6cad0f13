"""The ways in which the two parts of a layer, attention and what follows it, stand to their norms and to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from llmagentos.models.parts import Parts

LayerPart: TypeAlias = Callable[[int, int], int]  # (what it reads, the layer) -> what is added to the residual stream


def norms_before(parts: Parts, x: int, attend: LayerPart, feed: LayerPart) -> int:
    """One after the other, each behind a norm of its own (GPT-2, Llama)."""
    for i in range(parts.n_layers):
        x = parts.g.add(x, attend(parts.norm(x, f"blk.{i}.attn_norm"), i))
        x = parts.g.add(x, feed(parts.norm(x, f"blk.{i}.ffn_norm"), i))
    return x


def norms_after(parts: Parts, x: int, attend: LayerPart, feed: LayerPart) -> int:
    """One after the other, each before a norm of its sum with the residual stream (BERT)."""
    for i in range(parts.n_layers):
        x = parts.norm(parts.g.add(x, attend(x, i)), f"blk.{i}.attn_output_norm")
        x = parts.norm(parts.g.add(x, feed(x, i)), f"blk.{i}.layer_output_norm")
    return x


def side_by_side(parts: Parts, x: int, attend: LayerPart, feed: LayerPart) -> int:
    """Side by side behind one norm (GPT-J)."""
    for i in range(parts.n_layers):
        h = parts.norm(x, f"blk.{i}.attn_norm")
        x = parts.g.add(parts.g.add(x, attend(h, i)), feed(h, i))
    return x
