"""`llmagentos serve` as a process: it answers, and ends in order."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from llmagentos.cli import main
from llmagentos.errors import InvalidRequestError
from llmagentos.server.run import listen
from tests.server.running import tiny_chat_model


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmagentos", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path, end: signal.Signals) -> None:
    path = tiny_chat_model(tmp_path / "model")
    limits = {"LLMAGENTOS_SERVE_MAX_BODY": "1000", "LLMAGENTOS_SERVE_CONTEXT": "40"}
    with command("--model", f"chat={path}", "--port", "0", **limits) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found is not None
        ask = {"model": "chat", "prompt": "a", "max_tokens": 2}
        assert httpx.post(f"{found[0]}/v1/completions", json=ask, timeout=120).status_code == 200
        assert (
            httpx.post(f"{found[0]}/v1/completions", json=ask | {"prompt": "a" * 1000}, timeout=120).status_code == 413
        )
        refused = httpx.post(f"{found[0]}/v1/completions", json=ask | {"prompt": "a " * 100}, timeout=120).json()
        assert "than the context of 40 takes" in refused["error"]["message"]
        process.send_signal(end)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "POST /v1/completions 200" in log
    assert "Traceback" not in log


def test_it_stops_while_a_model_is_fetched() -> None:
    with closing(listen("127.0.0.1", 0)) as hub:  # which never answers
        endpoint = f"http://127.0.0.1:{hub.getsockname()[1]}"
        with command("--model", "hf:someone/something", "--port", "0", HF_ENDPOINT=endpoint) as process:
            assert process.stderr is not None
            assert "loading" in process.stderr.readline()
            hub.accept()[0].close()
            connection = hub.accept()[0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            connection.close()


def test_a_port_is_taken_before_the_model_is_loaded() -> None:
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            InvalidRequestError, match=f"cannot listen at 127.0.0.1 port {port}: Address already in use"
        ):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "a=./nowhere.gguf"], "error: there is no file nowhere.gguf"),
        (["--model", "a=x", "--model", "a=y"], "names 'a' twice"),
        (["--port", "99999"], "port=99999 is not valid"),
        (["--host", "203.0.113.1"], "cannot listen at 203.0.113.1"),
        (["--keys", "/nowhere"], "cannot read the keys in /nowhere"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("llmagentos")
    handlers, level = list(logger.handlers), logger.level
    try:
        with pytest.raises(SystemExit) as ended:
            main(["serve", *arguments])
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    assert ended.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err.splitlines()[-1]
