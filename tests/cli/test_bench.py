"""`bench` on a tiny model: what it measures, prints and refuses. Figures are not looked at but for their sign."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmagentos.bench import session
from llmagentos.bench.limits import Limits
from llmagentos.cli import main
from tests.models.tiny_models import TINY

MODEL = str(TINY / "llama_q4_0.gguf")
SMALL = ["bench", "-m", MODEL, "--threads", "1", "--repeats", "1", "--new-tokens", "4"]
FEW = [*SMALL, "--contexts", "0,9000", "--batches", "2", "--prefill", "40"]
PEERS = {f"llama.cpp, flash attention {switch}" for switch in ("on", "off")}
FAKE_PEER = str(Path(__file__).parents[1] / "bench" / "fake_peer")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command with limits of 1 GB/s and 1 Tflop/s; returns (exit code, standard output, standard error)."""
    limits = Limits(1e9, 1e12, 1e12)
    monkeypatch.setattr(session.machine_limits, "measure", lambda *_: (limits, limits))

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), captured.out, captured.err

    return run


def test_the_table_goes_to_standard_output_and_json_to_a_file(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    code, out, err = run(*FEW, "--json", str(file))
    assert code == 0
    lines = out.splitlines()
    assert any(line.startswith("limits: 1.0 GB/s read, 1000 Gop/s") for line in lines)
    assert "note: decode @9000 is left out: it takes 9006 tokens, the model holds 512" in lines
    table = [line.split("\t") for line in lines[lines.index("") + 1 :]]
    assert table[0] == ["metric", "value", "unit", "limit", "share", "bound by"]
    assert [row[0] for row in table[1:]] == [
        "prefill 40",
        "decode",
        "2 streams",
        "loaded to first token",
        "start to first token",
    ]
    assert "[1/5] prefill 40, round 1 of 1: llmagentos " in err
    assert "metric" not in err

    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["model"]["file"] == "llama_q4_0.gguf"
    assert found["model"]["weight_formats"].keys() == {"Q4_0", "F32"}
    assert found["machine"]["cpu"]
    assert (found["threads"], found["new_tokens"], found["repeats"], found["peer"]) == (1, 4, 1, None)
    assert found["limits"] == {"read": 1e9, "dot": 1e12, "fma": 1e12}
    metrics = {metric["metric"]: metric for metric in found["metrics"]}
    decode = metrics["decode"]
    n_bytes = (2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64) + 307 * 64) * 18 // 32 + 5 * 64 * 4
    kv_bytes = 2 * 2 * 2 * 16 * 2 * (4 + 2)  # a prompt of 4 and half of 4 new tokens
    assert decode["limit"] == pytest.approx(1e9 / (n_bytes + kv_bytes))
    assert decode["bound"] == "read"
    assert decode["share"] == pytest.approx(decode["value"] / decode["limit"])
    assert decode["unit"] == "tokens/s"
    assert decode["higher_is_better"] is True
    assert [(entry["side"], entry["round"], entry["value"]) for entry in decode["runs"]] == [
        ("llmagentos", 0, decode["value"])
    ]
    start = metrics["start to first token"]
    assert (start["unit"], start["higher_is_better"], start["limit"], start["share"]) == ("s", False, None, None)
    assert "comparison" not in decode


def test_the_table_is_printed_even_if_the_file_cannot_be_written_in_the_end(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, limits = tmp_path / "bench.json", Limits(1e9, 1e12, 1e12)

    def measure(*_: object) -> tuple[Limits, Limits]:
        file.mkdir(exist_ok=True)  # while runs are under way
        return limits, limits

    monkeypatch.setattr(session.machine_limits, "measure", measure)
    code, out, err = run(*SMALL, "--contexts", "0", "--batches", "", "--json", str(file))
    assert code == 1
    assert "\ndecode\t" in out
    assert "bench.json: Is a directory" in err


def test_a_dash_prints_json_alone_and_a_peer_is_compared(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", FAKE_PEER)
    options = ["--contexts", "", "--batches", "2", "--prefill", "40", "--json", "-"]
    code, out, _ = run(*SMALL, *options, "--against", "llama.cpp", "--peer-python", sys.executable)
    assert code == 0
    found = json.loads(out)
    assert found["peer"] == "llama-cpp-python 0.0.fake (AVX2 AMX_INT8)"
    prefill, streams, first, start = found["metrics"]
    unified = {f"{peer}, unified cache" for peer in PEERS}
    assert {entry["side"] for entry in streams["runs"]} == {"llmagentos", *PEERS, *unified}
    assert streams["comparison"]["setting"] in PEERS | unified
    for metric in (prefill, first, start):
        comparison = metric["comparison"]
        assert comparison["setting"] in PEERS
        assert {entry["side"] for entry in metric["runs"]} == {"llmagentos", *PEERS}
        ours, theirs = comparison["llmagentos"], comparison["peer"]
        assert comparison["ratios"] == [comparison["ratio"]]
        assert comparison["ratio"] == pytest.approx(ours / theirs if metric is prefill else theirs / ours)


def test_a_peer_that_is_not_installed_is_an_error_that_says_what_to_do(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text("raise ModuleNotFoundError('none here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code, out, err = run(*SMALL, "--against", "llama.cpp")
    assert (code, out) == (1, "")
    assert "llama.cpp is not installed" in err
    assert "pip install llama-cpp-python" in err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--contexts", "0,x"], 2, "--contexts"),
        (["--contexts", "-1"], 2, "--contexts"),
        (["--batches", "0"], 2, "--batches"),
        (["--batches", "257"], 2, "256"),
        (["--prefill", "0"], 2, "--prefill"),
        (["--new-tokens", "0"], 2, "--new-tokens"),
        (["--repeats", "0"], 2, "--repeats"),
        (["--threads", "0"], 1, "--threads 0"),
        (["--against", "something"], 2, "--against"),
        (["--peer-python", "python"], 2, "--peer-python"),
        (["--json", "no-such-folder/x.json"], 2, "no-such-folder"),
        (["--json", str(TINY)], 2, "Is a directory"),
        (["--json", "/proc/bench.json"], 2, "/proc/bench.json cannot be written"),
        (["-m", "no-such-model"], 1, "no-such-model"),
    ],
)
def test_a_bad_option_is_named(run: Any, options: list[str], code: int, message: str) -> None:
    found, out, err = run(*SMALL, *options)
    assert (found, out) == (code, "")
    assert message in err


def test_looking_whether_the_file_can_be_written_changes_nothing(run: Any, tmp_path: Path) -> None:
    kept, new = tmp_path / "kept.json", tmp_path / "new.json"
    kept.write_text("{}")
    for file in (kept, new):
        assert run(*SMALL, "-m", "no-such-model", "--json", str(file))[0] == 1
    assert kept.read_text() == "{}"
    assert not new.exists()


def test_control_c_ends_it_with_130_and_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "llmagentos", *SMALL, "--repeats", "1000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        assert "[1/" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "stopped" in err
    assert "Traceback" not in err
    deadline = time.monotonic() + 10
    while _children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children_of(process.pid)


def _children_of(pid: int) -> list[str]:
    """Processes that the ended one had started: those of its session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == pid:
                found.append(entry.name)
        except OSError:
            continue
    return found
