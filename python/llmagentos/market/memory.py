"""How much memory this machine has, and how much of it a model may still take: /proc and cgroups on Linux."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes; None where the platform does not say. Both are bounded by the container's limit."""

    total: int | None
    available: int | None


def memory(root: Path = Path("/")) -> Memory:
    """The memory of this machine, or of the container this process is in. `root` holds proc and sys."""
    if sys.platform == "win32":
        return _windows()
    found = _meminfo(root / "proc" / "meminfo")
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    if total is None and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit, used in _cgroup_limits(root):
        total = limit if total is None else min(total, limit)
        left = max(0, limit - used)
        available = left if available is None else min(available, left)
    return Memory(total, available)


def _meminfo(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    fields = (line.replace(":", " ").split() for line in lines)
    return {field[0]: int(field[1]) * 1024 for field in fields if len(field) >= 2 and field[1].isdigit()}


def _cgroup_limits(root: Path) -> list[tuple[int, int]]:
    """(limit, used) of this process's cgroup and all above it: version 2 as its own tree, version 1 under memory/."""
    limits = []
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            top, limit_name, used_name = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            top, limit_name, used_name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        relative = Path(group.lstrip("/"))
        for folder in (top / relative, *(top / parent for parent in relative.parents)):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and used is not None:
                # Pages of files count as used, but the kernel gives them up before it refuses memory.
                cache = _statistic(folder / "memory.stat", ("inactive_file", "total_inactive_file"))
                limits.append((limit, max(0, used - cache)))
    return limits


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max" is no limit


def _statistic(path: Path, names: tuple[str, ...]) -> int:
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    except OSError:
        return 0
    return max((int(row[1]) for row in rows if len(row) == 2 and row[0] in names), default=0)


def _windows() -> Memory:
    import ctypes

    class MemoryStatusEx(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("dwLength", ctypes.c_ulong),
            ("dwMemoryLoad", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("ullTotalPhys", "ullAvailPhys", "ullTotalPageFile")),
            *((name, ctypes.c_ulonglong) for name in ("ullAvailPageFile", "ullTotalVirtual", "ullAvailVirtual")),
            ("ullAvailExtendedVirtual", ctypes.c_ulonglong),
        )

    status = MemoryStatusEx()
    status.dwLength = ctypes.sizeof(status)
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009  (absent from the types of other platforms)
    if not kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return Memory(None, None)
    return Memory(int(status.ullTotalPhys), int(status.ullAvailPhys))
