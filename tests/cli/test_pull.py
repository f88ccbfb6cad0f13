"""`pull` as a user and a script see it."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from llmagentos.cli import pull as command
from llmagentos.market import cache, entries
from llmagentos.market.entries import Entry, Part

SHA256 = "b83633aa785344791618f2fddf131b010ea04912a60430760b070bad293f65bd"
ENTRY = Entry(
    name="tiny",
    aliases=("small",),
    description="a test",
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    architecture="llama",
    parameters=1,
    context_length=1,
    file="tiny.gguf",
    n_bytes=4,
    sha256=SHA256,
    parts=(Part("tiny", "1.0", 100, "data/tiny", 4, SHA256),),
)


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path))
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    monkeypatch.setattr(entries, "catalogue", lambda: (ENTRY,))
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    return app


def test_in_a_pipe_standard_output_is_the_path_alone(app):
    path = cache.path_of(ENTRY)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF")
    for arguments in (["pull", "tiny"], ["pull", "Small"], ["pull", "tiny", "--verify"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{path}\n"


def test_a_failure_is_one_line_on_standard_error_and_code_1(app):
    for arguments in (["pull", "tiny"], ["pull", "nothing-like-it"], ["pull", "tiny", "--force"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


def test_verify_does_not_accept_a_changed_file(app):
    path = cache.path_of(ENTRY)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUX")
    cache.write_marker(ENTRY)
    assert CliRunner().invoke(app, ["pull", "tiny"]).exit_code == 0
    assert CliRunner().invoke(app, ["pull", "tiny", "--verify"]).exit_code == 1
    assert cache.cached(ENTRY) is None


def test_ctrl_c_says_what_is_kept_and_ends_with_130(app, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("llmagentos.market.pull", interrupted)
    result = CliRunner().invoke(app, ["pull", "tiny"])
    assert result.exit_code == 130
    assert "keeps the parts that are complete" in result.stderr
