"""`pull` as a user and a script see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.cli import main
from llmagentos.market import cache, entries
from llmagentos.market.facts import Part, WheelEntry

SHA256 = "b83633aa785344791618f2fddf131b010ea04912a60430760b070bad293f65bd"
ENTRY = WheelEntry(
    name="tiny",
    aliases=("small",),
    family="Tiny",
    description="a test",
    task="chat",
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
def run(tmp_path, monkeypatch, capsys):
    """Runs the command; returns (exit code, standard output, standard error)."""
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path))
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")
    monkeypatch.setattr(entries, "mentions", lambda name: (ENTRY,))

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["pull", *arguments])
        return (ended.value.code or 0, *capsys.readouterr())

    return run


def put_in_cache(content: bytes) -> Path:
    path = cache.path_of(ENTRY)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_in_a_pipe_standard_output_is_the_path_alone(run):
    path = put_in_cache(b"GGUF")
    for arguments in (["tiny"], ["Small"], ["tiny", "--verify"]):
        code, out, _ = run(*arguments)
        assert (code, out) == (0, f"{path}\n")


def test_a_failure_is_one_line_on_standard_error_and_code_1(run):
    for arguments in (["tiny"], ["nothing-like-it"], ["tiny", "--force"]):
        code, out, err = run(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_what_is_on_this_machine_is_not_pulled(run, tmp_path):
    (tmp_path / "own.gguf").touch()
    code, _, err = run(str(tmp_path / "own.gguf"))
    assert code == 1
    assert f"own.gguf is on this machine already, and is used by its path: -m {tmp_path}" in err


def test_verify_does_not_accept_a_changed_file(run):
    put_in_cache(b"GGUX")
    cache.write_marker(ENTRY)
    assert run("tiny")[0] == 0
    assert run("tiny", "--verify")[0] == 1
    assert cache.cached(ENTRY) is None


def test_ctrl_c_says_what_is_kept_and_ends_with_130(run, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("llmagentos.market.pull", interrupted)
    code, _, err = run("tiny")
    assert code == 130
    assert "what is complete is kept" in err
