"""Which attentions may keep their keys and values in one place of a block."""

from __future__ import annotations

import pytest

from llmagentos import InvalidRequestError
from llmagentos._core.graph import Graph
from llmagentos._core.runtime import kv_block_bytes


def block_bytes(*layers: tuple[int, bool]) -> int:
    """Of a model whose attentions have these layers, causal or not."""
    g = Graph()
    x = g.embed("token_embd.weight", 8, 16)
    for layer, causal in layers:
        x = g.attention(x, x, x, layer=layer, n_heads=1, n_kv_heads=1, head_dim=16, scale=1.0, causal=causal)
    g.set_output(g.select_rows(x))
    return kv_block_bytes(g, "f32")


def test_layers_that_see_the_batch_alone_share_a_place() -> None:
    one = block_bytes((0, False))
    assert block_bytes((0, False), (0, False), (0, False)) == one
    assert block_bytes((0, True), (1, True)) == 2 * one


@pytest.mark.parametrize("causal", [(True, True), (True, False), (False, True)])
def test_keys_that_later_batches_read_are_not_overwritten(causal: tuple[bool, bool]) -> None:
    with pytest.raises(InvalidRequestError, match="two attentions write layer 0"):
        block_bytes((0, causal[0]), (0, causal[1]))
