"""The programs of both sides: each metric gives a number. llama.cpp itself is a fake here."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.bench.alternate import Side, run_once
from llmagentos.bench.metrics import Metric
from llmagentos.bench.sides import PEER_PROGRAM, Setting, llamacpp, llamacpp_version, ours
from llmagentos.errors import LLMAgentOSError
from tests.models.tiny_models import TINY

FAKE = {"PYTHONPATH": str(Path(__file__).with_name("fake_peer"))}
KINDS = [("prefill", 70), ("decode", 0), ("decode", 40), ("streams", 3), ("first", 32), ("start", 32), ("memory", 100)]
METRICS = [Metric(*kind) for kind in KINDS]


def setting(model: str = "llama_q4_0.gguf") -> Setting:
    return Setting(TINY / model, 1, None, new_tokens=4)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_our_side_measures(metric: Metric) -> None:
    assert run_once(ours(setting(), 307), metric) > 0


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_peers_side_measures(metric: Metric) -> None:
    side = llamacpp(sys.executable, setting())[0]
    assert run_once(Side(side.name, side.command, FAKE), metric) > 0


def test_our_side_runs_on_the_threads_and_cpus_it_is_given() -> None:
    cpu = min(os.sched_getaffinity(0))
    side = ours(Setting(TINY / "llama_q4_0.gguf", 1, [cpu], new_tokens=4, repeats=2), 307)
    assert run_once(side, Metric("decode", 0)) > 0


def test_a_model_that_cannot_be_loaded_is_told_of_without_a_traceback() -> None:
    with pytest.raises(
        LLMAgentOSError, match=r"^llmagentos failed on decode: there is no file .*missing\.gguf"
    ) as ours_:
        run_once(ours(setting("missing.gguf"), 307), Metric("decode", 0))
    assert "Traceback" not in str(ours_.value)
    side = llamacpp(sys.executable, setting("missing.gguf"))[0]
    with pytest.raises(LLMAgentOSError, match=r"llama\.cpp cannot load .*missing\.gguf"):
        run_once(Side(side.name, side.command, FAKE), Metric("decode", 0))


def test_flash_attention_is_on_in_one_and_off_in_the_other_and_both_are_pinned() -> None:
    on, off = llamacpp("python", Setting(Path("m.gguf"), 2, [0, 1]))
    assert (on.command[-1], off.command[-1]) == ("on", "off")
    assert on.environment["OMP_PLACES"] == off.environment["OMP_PLACES"] == "{0},{1}"


def test_the_peers_program_needs_nothing_but_llama_cpp() -> None:
    tree = ast.parse(PEER_PROGRAM.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"llama_cpp"}


def test_the_peers_version_or_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", FAKE["PYTHONPATH"])
    assert llamacpp_version(sys.executable) == "0.0.fake"
    (tmp_path / "llama_cpp.py").write_text("raise ImportError('libllama.so is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LLMAgentOSError, match=r"libllama.so is broken.*pip install llama-cpp-python.*--peer-python"):
        llamacpp_version(sys.executable)
    with pytest.raises(LLMAgentOSError, match=r"no-such-python cannot be started .*--peer-python"):
        llamacpp_version(str(tmp_path / "no-such-python"))


def test_benchmarks_has_the_peers_program_under_its_old_path() -> None:
    program = Path(__file__).parents[2] / "benchmarks" / "sides" / "llamacpp.py"
    command = [sys.executable, str(program), "m.gguf", "1", "on", "decode", "8", "--new-tokens", "2"]
    done = subprocess.run(command, env={**os.environ, **FAKE}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('{"value": ')
