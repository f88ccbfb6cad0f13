"""Where results are kept. Timing itself is the package's: llmagentos.bench."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmagentos.bench.host import machine

RESULTS = Path(__file__).parent / "results"


def record(question: str, result: Mapping[str, Any]) -> Path:
    """Appends a line of JSON to the file of this question and machine, and returns its path."""
    slug = "".join(c if c.isalnum() else "-" for c in machine()["cpu"].lower())
    slug = "-".join(part for part in slug.split("-") if part)
    path = RESULTS / f"{question}-{slug}.jsonl"
    path.parent.mkdir(exist_ok=True)
    when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with path.open("a") as file:
        file.write(json.dumps({"time": when, "machine": machine(), **result}) + "\n")
    return path
