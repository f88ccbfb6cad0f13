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


def sharing_graph(*, n_kv_heads: int = 1, layer: int = 0) -> Graph:
    """Two attentions, of which the second reads keys that the first has stored in layer 0."""
    g = Graph()
    x = g.embed("token_embd.weight", 8, 16)
    x = g.attention(x, x, x, layer=0, n_heads=1, n_kv_heads=1, head_dim=16, scale=1.0)
    x = g.attention(x, None, None, layer=layer, n_heads=1, n_kv_heads=n_kv_heads, head_dim=16, scale=1.0)
    g.set_output(g.select_rows(x))
    return g


def test_a_layer_that_reads_the_keys_of_another_takes_no_room() -> None:
    assert kv_block_bytes(sharing_graph(), "f32") == block_bytes((0, True))
    assert len(sharing_graph().attentions) == 2


@pytest.mark.parametrize("params", [{"n_kv_heads": 2}, {"layer": 1}])
def test_keys_that_nobody_has_stored_are_refused(params: dict[str, int]) -> None:
    with pytest.raises(InvalidRequestError, match=r"nothing before it stores keys|cannot share"):
        sharing_graph(**params)


@pytest.mark.parametrize("causal", [(True, True), (True, False), (False, True)])
def test_keys_that_later_batches_read_are_not_overwritten(causal: tuple[bool, bool]) -> None:
    with pytest.raises(InvalidRequestError, match="two attentions write layer 0"):
        block_bytes((0, causal[0]), (0, causal[1]))
