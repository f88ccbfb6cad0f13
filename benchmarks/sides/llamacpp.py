"""The package's llama.cpp side by its path, for a Python that has llama-cpp-python and not this package.

usage: llamacpp.py MODEL THREADS FLASH_ATTENTION(on|off) KIND N [--new-tokens N] [--repeats N] [--unified]
"""

from __future__ import annotations

import runpy
from pathlib import Path

BENCH = Path(__file__).parents[2] / "python" / "llmagentos" / "bench"

if __name__ == "__main__":
    runpy.run_path(str(BENCH / "peer_llamacpp.py"), run_name="__main__")
