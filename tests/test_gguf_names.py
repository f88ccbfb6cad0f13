from __future__ import annotations

import pytest

from llmagentos.gguf_names import part_names


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a/x-00002-of-00002.gguf", ["a/x-00001-of-00002.gguf", "a/x-00002-of-00002.gguf"]),
        ("x.gguf", ["x.gguf"]),
        ("x-00000-of-00000.gguf", ["x-00000-of-00000.gguf"]),
        ("x-00003-of-00002.gguf", ["x-00003-of-00002.gguf"]),
    ],
)
def test_names_of_parts(path: str, names: list[str]) -> None:
    assert part_names(path) == names
