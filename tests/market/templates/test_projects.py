"""Projects made from the templates pass their tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.market.applications.files import read_folder
from llmagentos.market.applications.install import create
from llmagentos.market.applications.sources import application_named


@pytest.mark.parametrize("name", ["customer-service", "virtual-assistant", "game", "education", "medical", "summarise"])
def test_the_tests_of_a_new_project_pass(tmp_path: Path, name: str) -> None:
    template = application_named(name)
    project = create(template, read_folder(template.folder), tmp_path / "mine")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "temporary"),
    ]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins of other packages take seconds to load
    ended = subprocess.run(
        [*command, str(project)], capture_output=True, text=True, timeout=120, check=False, env=alone
    )
    assert ended.returncode == 0, ended.stdout
