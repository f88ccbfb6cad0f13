"""locust: many users at once, none of whom may see a failure."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Served

# Importing it would change sockets and TLS in this process.
is_missing = importlib.util.find_spec("locust") is None
pytestmark = [pytest.mark.compatibility, pytest.mark.skipif(is_missing, reason="locust is not installed")]


def test_thirty_two_users_see_no_failure(served: Served) -> None:
    file = str(Path(__file__).with_name("locustfile.py"))
    command = [sys.executable, "-m", "locust", "--locustfile", file, "--host", served.root, "--headless"]
    command += ["--users", "32", "--spawn-rate", "32", "--run-time", "10s", "--json", "--exit-code-on-error", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = {entry["name"]: entry for entry in json.loads(run.stdout)}
    for name in ("whole", "streamed"):
        assert found[name]["num_requests"] > 0
        assert found[name]["num_failures"] == 0
