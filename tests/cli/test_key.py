"""`llmagentos key`."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.cli import main
from llmagentos.server.keys import read_keys


def test_the_entry_and_the_key_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["key", "alice", "--requests", "60", "--tokens", "1000"])
    assert not ended.value.code
    captured = capsys.readouterr()
    file = tmp_path / "keys.toml"
    file.write_text(captured.out)
    assert captured.err.strip() not in captured.out
    assert read_keys(file).client(f"Bearer {captured.err.strip()}").name == "alice"
    assert "requests_per_minute = 60" in captured.out
    assert "tokens_per_minute = 1000" in captured.out


def test_a_name_that_no_table_can_have(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["key", "a.b"])
    assert ended.value.code == 1
    assert "'a.b' is not valid" in capsys.readouterr().err
