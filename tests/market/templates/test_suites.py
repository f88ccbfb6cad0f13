"""Every application that comes with the package passes the suite that it ships with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.market.applications.sources import application_named, applications

NAMES = sorted(application.manifest.name for application in applications() if application.source == "built in")


def passed(*arguments: str) -> None:
    """Runs `evaluate-agent` in a process of its own: the module `main` is that of each application."""
    command = [sys.executable, "-m", "llmagentos", "evaluate-agent", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "\tpass\t" in ended.stdout


@pytest.mark.model
@pytest.mark.parametrize("name", NAMES)
def test_an_application_passes_its_suite(name: str) -> None:
    passed(name)


@pytest.mark.parametrize("name", ["virtual-assistant", "education", "documents"])
def test_an_application_that_needs_no_model_passes_without(name: str, tmp_path: Path) -> None:
    lines = (application_named(name).folder / "evaluation.toml").read_text(encoding="utf-8").splitlines()
    (tmp_path / "suite.toml").write_text("\n".join(line for line in lines if not line.startswith("model = ")))
    passed(str(tmp_path / "suite.toml"), "--application", name)
