from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import pytest

from llmagentos import LLM, loaded_model
from llmagentos.cli import main
from llmagentos.cli.perplexity import windows
from tests.engine.fake_model import fake_model


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(add_bos=True))


def test_it_prints_exp_of_the_mean_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a text of some length", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["perplexity", str(file), "--context", "9"])
    assert not caught.value.code
    text = list(file.read_bytes())
    scores = [float(s) for begin in (0, 8, 16) for s in LLM("fake").score([256, *text[begin : begin + 8]])]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"perplexity {math.exp(-sum(scores) / len(scores)):.4f}"
    assert lines[1] == f"tokens {len(text)}"
    assert lines[2].startswith("tokens/s ")


@pytest.mark.parametrize(("data", "message"), [(b"", "too few"), (b"ab\xff", "not UTF-8: byte 0xff at 2")])
def test_a_file_without_text_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, message: str
) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(data)
    with pytest.raises(SystemExit) as caught:
        main(["perplexity", str(file)])
    assert caught.value.code == 1
    assert message in capsys.readouterr().err


def test_a_byte_order_mark_is_no_text_and_standard_input_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    file = tmp_path / "text.txt"
    for data, source in ((b"some text", file), (b"\xef\xbb\xbfsome text", file), (b"\xef\xbb\xbfsome text", "-")):
        file.write_bytes(data)
        monkeypatch.setattr(sys, "stdin", io.StringIO(data.decode()))
        with pytest.raises(SystemExit) as caught:
            main(["perplexity", str(source)])
        assert not caught.value.code
        found.append(capsys.readouterr().out.splitlines()[:2])
    assert found == [found[0]] * 3


def test_windows_cover_each_token_once_and_begin_alike() -> None:
    assert list(windows([1, 2, 3, 4, 5], [9], 3)) == [[9, 1, 2], [9, 3, 4], [9, 5]]
    assert list(windows([1, 2, 3], [], 2)) == [[1, 2]]
