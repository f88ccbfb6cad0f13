"""The programs of both sides: each metric gives a number. llama.cpp itself is a fake here."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from llmagentos.bench.alternate import Side, run_once
from llmagentos.bench.metrics import Metric
from llmagentos.bench.sides import PEER_PROGRAM, Setting, llamacpp, llamacpp_build, ours
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


# Runs our side's program and prints, in place of a value, the CPUs of the caller and of each worker while it measures.
WATCHED = """
import json, os
from llmagentos.bench import ours, pinning
def measure(self, metric):
    workers = pinning.pool_workers()
    print(json.dumps([sorted(os.sched_getaffinity(thread)) for thread in (os.getpid(), *workers)]), flush=True)
    os._exit(0)
ours.Bench.measure = measure
ours.main()
"""


def cpus_of_threads(setting: Setting, metric: Metric) -> list[list[int]]:
    command = ours(setting, 307).command
    assert command[:3] == [sys.executable, "-m", "llmagentos.bench.ours"]
    program = [sys.executable, "-c", WATCHED, *command[3:], metric.kind, str(metric.n)]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
    found: list[list[int]] = json.loads(done.stdout)
    return found


def test_our_side_runs_on_the_threads_and_cpus_it_is_given() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    for cpus in ([allowed[-1]], allowed[:2]):
        given = Setting(TINY / "llama_q4_0.gguf", len(cpus), cpus, new_tokens=4)
        assert cpus_of_threads(given, Metric("decode", 0)) == [[cpu] for cpu in cpus]
        assert cpus_of_threads(given, Metric("first", 32)) == [cpus] * len(cpus)
    free = Setting(TINY / "llama_q4_0.gguf", 3, None, new_tokens=4)
    assert cpus_of_threads(free, Metric("decode", 0)) == [allowed] * 3


def test_a_model_that_cannot_be_loaded_is_told_of_without_a_traceback() -> None:
    with pytest.raises(
        LLMAgentOSError, match=r"^llmagentos failed on decode: there is no file .*missing\.gguf"
    ) as ours_:
        run_once(ours(setting("missing.gguf"), 307), Metric("decode", 0))
    assert "Traceback" not in str(ours_.value)
    side = llamacpp(sys.executable, setting("missing.gguf"))[0]
    with pytest.raises(LLMAgentOSError, match=r"llama\.cpp cannot load .*missing\.gguf"):
        run_once(Side(side.name, side.command, FAKE), Metric("decode", 0))


def test_flash_attention_is_on_and_off_for_streams_with_either_cache_and_all_are_pinned() -> None:
    sides = llamacpp("python", Setting(Path("m.gguf"), 2, [0, 1]))
    assert {side.environment["OMP_PLACES"] for side in sides} == {"{0},{1}"}
    settings = [(side.command[-1], "--unified" in side.command) for side in sides]
    assert settings == [("on", False), ("on", True), ("off", False), ("off", True)]
    for side, (_, is_unified) in zip(sides, settings, strict=True):
        assert side.takes(Metric("streams", 8))
        assert side.takes(Metric("decode", 0)) is not is_unified


def loaded(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake llama.cpp, as peer_llamacpp will find it."""
    module = loaded(Path(__file__).with_name("fake_peer") / "llama_cpp.py", "llama_cpp")
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    return module


def test_the_peers_context_is_made_before_the_first_tokens_clock_starts(
    fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = loaded(PEER_PROGRAM, "peer")
    now = 0

    def taking(seconds: int, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            nonlocal now
            now += seconds
            return call(*arguments)

        return timed

    monkeypatch.setattr(peer, "time", SimpleNamespace(monotonic=lambda: now))
    for seconds, name in ((1000, "llama_init_from_model"), (10, "llama_decode"), (1, "llama_sampler_sample")):
        monkeypatch.setattr(fake, name, taking(seconds, getattr(fake, name)))
    monkeypatch.setattr(fake, "llama_free", taking(100000, fake.llama_free))
    monkeypatch.setenv("BENCH_STARTED", "-10000")
    bench = peer.Bench("m.gguf", 1, True, False, 4)
    assert peer.measure(bench, "first", 32) == 11
    now = 0
    assert peer.measure(bench, "start", 32) == 11011


@pytest.mark.parametrize("unified", [False, True])
def test_the_peers_streams_have_one_cache_or_one_each(fake: ModuleType, unified: bool) -> None:
    seen = []
    init = fake.llama_init_from_model
    fake.llama_init_from_model = lambda model, params: seen.append(params.kv_unified) or init(model, params)
    peer = loaded(PEER_PROGRAM, "peer")
    assert peer.measure(peer.Bench("m.gguf", 1, True, unified, 4), "streams", 3) > 0
    assert seen == [unified]


def test_the_peers_program_needs_nothing_but_llama_cpp() -> None:
    tree = ast.parse(PEER_PROGRAM.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"llama_cpp"}


def test_the_peers_build_or_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", FAKE["PYTHONPATH"])
    assert llamacpp_build(sys.executable) == "0.0.fake (AVX2 AMX_INT8)"
    (tmp_path / "llama_cpp.py").write_text("raise ImportError('libllama.so is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LLMAgentOSError, match=r"libllama.so is broken.*pip install llama-cpp-python.*--peer-python"):
        llamacpp_build(sys.executable)
    with pytest.raises(LLMAgentOSError, match=r"no-such-python cannot be started .*--peer-python"):
        llamacpp_build(str(tmp_path / "no-such-python"))


def test_benchmarks_has_the_peers_program_under_its_old_path() -> None:
    program = Path(__file__).parents[2] / "benchmarks" / "sides" / "llamacpp.py"
    command = [sys.executable, str(program), "m.gguf", "1", "on", "decode", "8", "--new-tokens", "2"]
    done = subprocess.run(command, env={**os.environ, **FAKE}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('{"value": ')
