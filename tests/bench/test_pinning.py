from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.bench import pinning
from llmagentos.bench.pinning import cpus_for, openmp_pinning


def test_threads_go_to_as_many_cores_as_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu, siblings in enumerate(["0-1", "0-1", "2,4", "3", "2,4", "5"]):
        (tmp_path / str(cpu)).write_text(siblings + "\n", encoding="ascii")
    monkeypatch.setattr(pinning, "_TOPOLOGY", str(tmp_path / "{}"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    assert cpus_for(1) == [0]
    assert cpus_for(3) == [0, 2, 3]
    assert cpus_for(4) == [0, 1, 2, 3]
    assert cpus_for(5) == [0, 1, 2, 3, 4]
    assert cpus_for(6) is None
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 7})  # 7 has no topology; 0 and 2 are not ours
    assert cpus_for(3) == [1, 4, 7]


def test_openmp_is_told_the_same() -> None:
    assert openmp_pinning([0, 3]) == {"OMP_PROC_BIND": "true", "OMP_PLACES": "{0},{3}"}
    assert openmp_pinning(None) == {}


def test_the_caller_and_each_worker_get_a_cpu_of_their_own() -> None:
    program = """
import os
from llmagentos._core.runtime import ThreadPool
from llmagentos.bench.pinning import pin_threads, pool_workers
cpus = sorted(os.sched_getaffinity(0))[:2]
pool = ThreadPool(len(cpus))
workers = pool_workers()
assert len(workers) == len(cpus) - 1
pin_threads(cpus)
print([os.sched_getaffinity(thread) for thread in (os.getpid(), *workers)] == [{cpu} for cpu in cpus])
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "True\n"
