"""Names of models that services run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.remote_name import RemoteName, is_remote_name, parse_remote_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("openai:gpt-6-luna", RemoteName("openai", "gpt-6-luna")),
        (" OpenAI:ft:gpt-4.1:org::id ", RemoteName("openai", "ft:gpt-4.1:org::id")),
        ("gemini:gemini-3.8-flash", RemoteName("gemini", "gemini-3.8-flash")),
        ("http://127.0.0.1:8000/v1#org/model", RemoteName("openai", "org/model", "http://127.0.0.1:8000/v1")),
        ("https://host.example/v1/#m", RemoteName("openai", "m", "https://host.example/v1")),
        ("http://[::1]:80#m", RemoteName("openai", "m", "http://[::1]:80")),
    ],
)
def test_a_name_says_service_model_and_place(text: str, name: RemoteName) -> None:
    assert is_remote_name(text)
    assert parse_remote_name(text) == name
    assert parse_remote_name(str(name)) == name


@pytest.mark.parametrize("text", ["hf:org/repo", "gpt-3", "./openai", "C:/model.gguf", "httpd:x", "openai"])
def test_other_names_are_none(text: str) -> None:
    assert not is_remote_name(text)


@pytest.mark.parametrize(
    "text",
    ["openai:", "gemini: x", "openai:a b", "http://host/v1", "http://host/v1#", "http://#m", "http://h/v1?k=1#m"],
)
def test_what_is_not_well_formed_says_what_is(text: str) -> None:
    with pytest.raises(
        ModelNotFoundError, match=r"names no model: such a name reads openai:MODEL, gemini:MODEL or http"
    ):
        parse_remote_name(text)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ModelNotFoundError, match="keys are read from the environment") as caught:
        parse_remote_name("https://me:secret@host/v1#m")
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_an_error(text: str) -> None:
    for prefix in ("openai:", "http://"):
        try:
            name = parse_remote_name(prefix + text)
        except ModelNotFoundError:
            continue
        assert parse_remote_name(str(name)) == name
