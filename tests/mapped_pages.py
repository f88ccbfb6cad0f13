"""How much of a mapped file is in memory."""

from __future__ import annotations

import re
from pathlib import Path


def resident_bytes(path: Path) -> int:
    """Of a file that this process has mapped."""
    found = re.search(
        rf"{re.escape(str(path))}\nSize:.*?\nRss: +(\d+) kB", Path("/proc/self/smaps").read_text(), re.DOTALL
    )
    assert found
    return int(found[1]) * 1024
