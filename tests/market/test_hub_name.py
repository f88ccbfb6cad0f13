"""Names on the hub, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.hub_name import HubName, is_hub_name, parse_hub_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:org/repo", HubName("org/repo")),
        (" HF:org/repo ", HubName("org/repo")),
        ("hf:org/repo.v1-x_y@v1.0", HubName("org/repo.v1-x_y", "v1.0")),
        ("hf:org/repo@refs/pr/3", HubName("org/repo", "refs/pr/3")),
        ("hf:org/repo:Q4_K_M", HubName("org/repo", quantisation="Q4_K_M")),
        ("hf:org/repo:UD-Q4_K_XL@main", HubName("org/repo", quantisation="UD-Q4_K_XL")),
        ("hf:org/repo/a/b-Q8_0.gguf@v1", HubName("org/repo", "v1", file="a/b-Q8_0.gguf")),
    ],
)
def test_a_name_has_a_repository_and_may_have_a_file_and_a_revision(text: str, name: HubName):
    assert is_hub_name(text.strip())
    assert parse_hub_name(text) == name


@pytest.mark.parametrize(
    "text",
    ["hf:", "hf:repo", "hf:org/", "hf:org/repo/file.bin", "hf:org/repo/../x.gguf", "hf:org//repo", "hf:org/re po",
     "hf:org/repo@", "hf:org/repo:", "hf:org/repo@../main", "hf:org/repo\n", "hf:org/repo/a\\b.gguf"],
)  # fmt: skip
def test_anything_else_says_how_a_name_reads(text: str):
    if text.endswith("\n"):
        assert parse_hub_name(text) == HubName("org/repo")  # what a file's last line brings along
        return
    with pytest.raises(ModelNotFoundError, match="such a name reads hf:org/repo, "):
        parse_hub_name(text)


@given(st.text(max_size=40))
def test_whatever_the_text_it_is_a_name_or_refused(text: str):
    try:
        name = parse_hub_name("hf:" + text)
    except ModelNotFoundError:
        return
    assert parse_hub_name(str(name)) == name
    assert ".." not in str(name)
