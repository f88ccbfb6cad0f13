"""Settings from flags and from a TOML file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.llm import DEFAULT_MODEL
from llmagentos.server.config import named_model, read_config

FILE = """
port = 9000
request_timeout = 60
[models]
chat = "smollm2"
[models.vectors]
path = "all-minilm-l6-v2"
threads = 1
"""


def test_options_come_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(FILE)
    config = read_config(file, {"port": 1234, "host": None}, {"threads": 2})
    assert (config.port, config.host, config.request_timeout) == (1234, "127.0.0.1", 60)
    assert list(config.models) == ["chat", "vectors"]
    assert (config.models["chat"].path, config.models["chat"].threads) == ("smollm2", 2)
    assert config.models["vectors"].threads == 1


def test_a_file_without_models_serves_the_default_model(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text("port = 9000")
    assert [(name, one.path) for name, one in read_config(file, {}, {}).models.items()] == [
        (DEFAULT_MODEL, DEFAULT_MODEL)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1\n[models]\na = 'x'", "prot is not a setting that is known here"),
        ("port = 70000\n[models]\na = 'x'", "port=70000 is not valid"),
        ("models.a = 5", "models.a=5 is not valid"),
        ("models = {}", "models={} is not valid"),
        ("[models.a]\npath = 'x'\ntreads = 1", "models.a.treads is not a setting that is known"),
        ("port = ", "no TOML"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(text)
    with pytest.raises(InvalidRequestError, match=message):
        read_config(file, {}, {})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="cannot read the settings"):
        read_config(tmp_path / "none.toml", {}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smollm2", ("smollm2", "smollm2")),
        ("a=b", ("a", "b")),
        ("a=/x/y=z.gguf", ("a", "/x/y=z.gguf")),
        ("/x/model.gguf", ("model", "/x/model.gguf")),
        ("hf:org/repo", ("hf:org/repo", "hf:org/repo")),
    ],
)
def test_a_models_name(text: str, expected: tuple[str, str]) -> None:
    assert named_model(text) == expected


@pytest.mark.parametrize("text", ["=x", "x="])
def test_half_a_models_name(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="NAME=PATH"):
        named_model(text)
