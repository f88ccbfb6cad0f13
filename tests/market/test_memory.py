"""Memory as a machine and a container report it, from pretend /proc and /sys trees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmagentos.market.memory import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
MB = 1 << 20


def tree(root: Path, **files: str) -> Path:
    for name, text in {
        "proc/meminfo": "MemTotal: 8192 kB\nMemAvailable: 4096 kB\nHugePages_Total: 0\n",
        **files,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_bare_machine_says_what_meminfo_says(tmp_path: Path):
    found = memory(tree(tmp_path))
    assert (found.total, found.available) == (8 * MB, 4 * MB)


def test_a_container_is_bounded_by_its_limit_less_what_it_cannot_give_up(tmp_path: Path):
    group = "sys/fs/cgroup/box/"
    files = {
        "proc/self/cgroup": "0::/box\n",
        group + "memory.max": str(5 * MB),
        group + "memory.current": str(4 * MB),
        group + "memory.stat": f"anon 1\ninactive_file {2 * MB}\n",
    }
    found = memory(tree(tmp_path, **files))
    assert (found.total, found.available) == (5 * MB, 3 * MB)


def test_a_limit_further_up_counts_and_max_is_none(tmp_path: Path):
    files = {
        "proc/self/cgroup": "0::/outer/inner\n",
        "sys/fs/cgroup/outer/memory.max": str(3 * MB),
        "sys/fs/cgroup/outer/memory.current": str(1 * MB),
        "sys/fs/cgroup/outer/inner/memory.max": "max\n",
        "sys/fs/cgroup/outer/inner/memory.current": "0\n",
    }
    found = memory(tree(tmp_path, **files))
    assert (found.total, found.available) == (3 * MB, 2 * MB)


def test_version_1_has_its_own_tree(tmp_path: Path):
    files = {
        "proc/self/cgroup": "12:cpu,cpuacct:/box\n4:memory:/box\n",
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": str(2 * MB),
        "sys/fs/cgroup/memory/box/memory.usage_in_bytes": str(3 * MB),
    }
    found = memory(tree(tmp_path, **files))
    assert (found.total, found.available) == (2 * MB, 0)


def test_a_container_that_sees_only_the_mounted_root_of_its_own_group_is_bounded_too(tmp_path: Path):
    files = {
        "proc/self/cgroup": "0::/elsewhere/on/the/host\n",
        "sys/fs/cgroup/memory.max": str(2 * MB),
        "sys/fs/cgroup/memory.current": "0",
    }
    assert memory(tree(tmp_path, **files)).total == 2 * MB
