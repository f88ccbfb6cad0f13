from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLM, SamplingParams, __version__, loaded_model
from llmagentos.cli import main
from llmagentos.errors import ModelNotFoundError
from tests.adapter_folders import write_llama_adapter
from tests.engine.fake_model import fake_model
from tests.folder_models import files_of_model
from tests.hf_folders import write_llama


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model())


def status_of(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code or 0


def expected(prompt: str, **params: Any) -> str:
    llm = LLM("fake")
    return llm.generate(prompt, SamplingParams(**{"temperature": 0.0, **params})).text


def test_a_pipe_gets_the_text_and_nothing_else(fake: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("generate", "hi", "--raw", "--max-tokens", "7") == 0
    notice = "\n(cut short: --max-tokens 7 is reached; 0 sets no limit)\n"
    assert capsys.readouterr() == (expected("hi", max_tokens=7), notice)


def test_a_model_that_searches_answers_as_its_own_settings_say(capsys: pytest.CaptureFixture[str]) -> None:
    with files_of_model("bart-plain") as path:
        with LLM(path) as llm:
            own, shorter = llm.generate("hi").text, llm.generate("hi", replace(llm.default_params, max_tokens=12)).text
        for arguments, text in (([], own), (["-n", "12"], shorter), (["-n", "0"], None)):
            assert status_of("generate", "hi", "-m", "bart", *arguments) == 0
            said = capsys.readouterr().out
            assert text is None or said == text
        assert status_of("generate", "hi", "-m", "bart", "--temperature", "0.7", "--seed", "1") == 0  # without beams
    assert own != shorter


@pytest.mark.parametrize("command", [["generate", "hi", "--raw"], ["chat"]])
@pytest.mark.parametrize(("arguments", "limit"), [([], 512), (["-n", "3"], 3), (["--max-tokens", "0"], None)])
def test_an_answer_has_a_limit_unless_it_is_taken_away(
    fake: None, monkeypatch: pytest.MonkeyPatch, command: list[str], arguments: list[str], limit: int | None
) -> None:
    limits: list[int | None] = []
    monkeypatch.setattr(sys, "stdin", io.StringIO("hi\n"))
    monkeypatch.setattr("llmagentos.cli.output.print_stream", lambda chunks, limit: limits.append(limit))
    assert status_of(*command, *arguments) == 0
    assert limits == [limit]


def test_an_answer_that_the_context_cuts_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(context_length=8))
    assert status_of("generate", "hi", "--raw", "-n", "0") == 0
    assert capsys.readouterr().err == "\n(cut short: the context is full, 2 + 6 tokens)\n"


def test_chat_without_a_template_names_the_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(chat_template=None))
    assert status_of("generate", "hi", "--chat") == 1
    err = capsys.readouterr().err
    assert "leave out --chat, or give --raw" in err


def test_a_chat_turn_is_what_suits_a_chat_model(fake: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("generate", "hi", "-n", "7", "--temperature", "1", "--seed", "3") == 0
    turn = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert capsys.readouterr().out == expected(turn, max_tokens=7, temperature=1, seed=3)


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_prompt_may_be_piped_in(
    fake: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped"))
    assert status_of("generate", *arguments, "--raw", "-n", "5") == 0
    assert capsys.readouterr().out == expected("piped", max_tokens=5)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["generate", "hi", "--top-p", "2"], "error: --top-p 2.0 is not valid: it must be above 0 and at most 1\n"),
        (["generate", "x" * 300], "error: the prompt has "),
        (["generate", "", "--raw"], "error: the prompt is empty"),
    ],
)
def test_an_error_is_one_line_on_stderr(
    fake: None, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert status_of(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_an_unknown_model_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(model: str, _: Any) -> None:
        raise ModelNotFoundError(f"no model {model}\nof that name")

    monkeypatch.setattr(loaded_model, "open_local_model", fail)
    assert status_of("generate", "hi", "--model", "nothing") == 1
    assert capsys.readouterr().err == "error: no model nothing of that name\n"


def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("generate", "hi", "--no-such-option") == 2
    assert status_of("no-such-command") == 2


def test_ctrl_c_ends_with_130(fake: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(chunks: Any, max_tokens: int | None) -> None:
        next(iter(chunks))
        raise KeyboardInterrupt

    monkeypatch.setattr("llmagentos.cli.output.print_stream", interrupted)
    assert status_of("generate", "hi") == 130


def test_version_and_module_entry() -> None:
    run = subprocess.run([sys.executable, "-m", "llmagentos", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"llmagentos {__version__}\n"


def test_empty_input_is_no_prompt(
    fake: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert status_of("generate") == 1
    assert "standard input is empty" in capsys.readouterr().err


def test_bytes_that_are_no_utf8_are_told_of(
    fake: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("caf\udce9"))
    assert status_of("generate") == 1
    assert "standard input is not UTF-8" in capsys.readouterr().err


def test_an_adapter_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, adapter = write_llama(tmp_path / "model", 600, "byte_level"), write_llama_adapter(tmp_path / "adapter")
    command = ["generate", "hi", "--raw", "-m", str(folder), "-n", "12", "-t", "1", "--temperature", "0"]
    assert status_of(*command) == 0
    plain = capsys.readouterr().out
    assert status_of(*command, "--adapter", f"a={adapter}") == 0
    found = capsys.readouterr().out
    with LLM(folder, threads=1, adapters={"a": adapter}) as llm:
        assert found == llm.generate("hi", SamplingParams(temperature=0.0, max_tokens=12), adapter="a").text
    assert found != plain


@pytest.mark.parametrize("value", ["path", "=path", "name="])
def test_an_adapter_has_a_name_and_a_path(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("generate", "hi", "--adapter", value) == 1
    assert f"--adapter '{value}' is not valid: it must be NAME=PATH" in capsys.readouterr().err


def test_files_follow_the_prompt(fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text\n")
    assert status_of("generate", "say", "-f", str(file), "--raw", "-n", "5") == 0
    assert capsys.readouterr().out == expected("say\n\ntext", max_tokens=5)
    assert status_of("generate", "-f", str(tmp_path / "none.txt")) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'none.txt'}: No such file or directory\n"


def test_json_is_one_object_with_all_there_is(fake: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("generate", "hi", "--raw", "-n", "5", "--json") == 0
    out, err = capsys.readouterr()
    usage = {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}
    text = expected("hi", max_tokens=5)
    assert json.loads(out) == {"model": "Fake", "text": text, "finish_reason": "length", "usage": usage}
    assert err == ""


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(("n", "status"), [("200", 0), ("4", 1)])
def test_a_schema_shapes_the_answer_and_a_cut_one_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    as_json: list[str],
    n: str,
    status: int,
) -> None:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(context_length=512))
    schema = tmp_path / "person.json"
    age = {"properties": {"age": {"enum": [12345]}}, "required": ["age"], "additionalProperties": False}
    schema.write_text(json.dumps({"type": "object", **age}))
    assert status_of("generate", "hi", "--schema", str(schema), "-n", n, *as_json) == status
    out = capsys.readouterr().out
    if as_json:
        content = json.loads(out)
        assert content["parsed"] == (None if status else {"age": 12345})
        out = content["text"]
    if status == 0:
        assert json.loads(out) == {"age": 12345}
    else:
        assert '{"age": 12345}'.replace(" ", "").startswith(out.replace(" ", ""))


def test_a_schema_that_is_not_supported_is_told_of(
    fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = tmp_path / "list.json"
    schema.write_text('{"type": "array", "uniqueItems": true}')
    assert status_of("generate", "hi", "--schema", str(schema)) == 1
    assert "uniqueItems" in capsys.readouterr().err
