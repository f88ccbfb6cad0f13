"""Runs jobs of logits.py in a process of its own with an instruction set forced by the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORKER = Path(__file__).with_name("logits.py")


def run_jobs(isa: str, jobs: list[dict[str, Any]], folder: Path) -> dict[str, NDArray[np.float32]]:
    """Each job's logits under its key; fails with the process's own words."""
    request, answer = folder / f"{isa}.json", folder / f"{isa}.npz"
    request.write_text(json.dumps(jobs))
    environment = os.environ | {"LLMAGENTOS_ISA": isa}
    done = subprocess.run(
        [sys.executable, str(WORKER), str(request), str(answer)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"the run with LLMAGENTOS_ISA={isa} failed:\n{done.stderr[-4000:]}"
    with np.load(answer) as stored:
        return {key: stored[key] for key in stored.files}
