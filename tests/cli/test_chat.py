from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmagentos import LLM, Chunk, loaded_model
from llmagentos.cli import main
from tests.engine.fake_model import fake_model

Run = Callable[[str], tuple[list[Any], str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `chat` on the given input; returns the conversations it asked answers for, and what it printed."""
    asked: list[Any] = []

    def stream(self: LLM, messages: Any, params: Any = None) -> Iterator[Chunk]:
        asked.append(list(messages))
        for word in ("answer ", str(len(asked))):
            if messages[-1]["content"] == "stop me" and word != "answer ":
                raise KeyboardInterrupt
            yield Chunk(word, 1, None, None, None)

    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model())
    monkeypatch.setattr(LLM, "stream", stream)

    def run(text: str) -> tuple[list[Any], str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as caught:
            main(["chat", "--system", "Be brief."])
        assert not caught.value.code
        return asked, capsys.readouterr().out

    return run


SYSTEM = {"role": "system", "content": "Be brief."}


def test_it_remembers_the_conversation_until_reset(run: Run) -> None:
    asked, out = run("one\ntwo\n/reset\nthree\n")
    one, two, three = ({"role": "user", "content": text} for text in ("one", "two", "three"))
    assert asked == [[SYSTEM, one], [SYSTEM, one, {"role": "assistant", "content": "answer 1"}, two], [SYSTEM, three]]
    assert out == "answer 1\nanswer 2\nThe conversation starts anew.\nanswer 3\n"


def test_ctrl_c_stops_the_answer_and_not_the_program(run: Run) -> None:
    asked, out = run("stop me\ngo on\n")
    assert "(stopped)" in out
    assert asked[1][2] == {"role": "assistant", "content": "answer "}
    assert out.endswith("answer 2\n")


def test_commands(run: Run) -> None:
    asked, out = run("/help\n/nothing\n\n/exit\nnever asked\n")
    assert asked == []
    assert "/reset" in out
    assert "There is no command /nothing." in out
