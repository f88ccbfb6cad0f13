"""One metadata value of a small real file is replaced or added: the model is refused with an error of ours, at once."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .patched_files import patched, tiny, with_key

LLAMA = [
    ("llama.block_count", 2**32 - 1),
    ("llama.block_count", 0),
    ("llama.attention.head_count", 0),
    ("llama.attention.head_count", 10**6),
    ("llama.attention.head_count_kv", 0),
    ("llama.embedding_length", 5),
    ("llama.embedding_length", 0),
    ("llama.feed_forward_length", 0),
    ("llama.rope.freq_base", 0.0),
    ("llama.attention.layer_norm_rms_epsilon", math.nan),
    ("llama.attention.layer_norm_rms_epsilon", math.inf),
]
GEMMA = [
    ("gemma3.block_count", 2**32 - 1),
    ("gemma3.attention.key_length", 0),
    ("gemma3.attention.key_length", 2**31),
    ("gemma3.attention.key_length", 2**31 - 2),
    ("gemma3.attention.head_count", 2**31 - 1),
    ("gemma3.attention.sliding_window", 2**32 - 1),
    ("gemma3.attention.head_count_kv", 3),
    ("gemma3.feed_forward_length", 2**32 - 1),
]


@pytest.mark.parametrize(("key", "value"), LLAMA + GEMMA)
def test_a_value_that_cannot_be_is_refused(key: str, value: float, tmp_path: Path) -> None:
    path = patched(tiny(key.split(".", 1)[0]), key, value, tmp_path)
    with pytest.raises((ModelFormatError, UnsupportedModelError), match=r"patched\.gguf"):
        build_graph(open_checkpoint(path))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.attention.clamp_kqv", 8.0),
        ("llama.attn_logit_softcapping", 50.0),
        ("llama.final_logit_softcapping", 30.0),
        ("llama.attention.causal", False),
        ("llama.logit_scale", 0.5),
        ("llama.rope.scale_linear", 4.0),
        ("gemma3.logit_scale", 0.5),
    ],
)
def test_an_option_that_the_graph_does_not_have_is_refused(key: str, value: float | bool, tmp_path: Path) -> None:
    path = with_key(tiny(key.split(".", 1)[0]), key, value, tmp_path)
    with pytest.raises(UnsupportedModelError, match=re.escape(key)):
        build_graph(open_checkpoint(path))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.attn_logit_softcapping", 0.0),
        ("llama.attention.causal", True),
        ("llama.logit_scale", 1.0),
        ("llama.rope.scaling.factor", 1.0),
        ("other.attention.sliding_window", 512.0),
    ],
)
def test_an_option_that_is_switched_off_changes_nothing(key: str, value: float | bool, tmp_path: Path) -> None:
    assert build_graph(open_checkpoint(with_key(tiny("llama"), key, value, tmp_path))).n_nodes > 0


def test_keys_and_values_of_different_sizes_are_refused(tmp_path: Path) -> None:
    path = patched(tiny("gemma3"), "gemma3.attention.value_length", 8, tmp_path)
    with pytest.raises(UnsupportedModelError, match=r"keys of \d+ and values of 8"):
        build_graph(open_checkpoint(path))


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_the_unpatched_files_build(architecture: str) -> None:
    assert build_graph(open_checkpoint(tiny(architecture))).n_nodes > 0
