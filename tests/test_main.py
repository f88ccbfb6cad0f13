"""The entry point: Ctrl-C while the command line is being imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)

{before}
sys.meta_path.insert(0, Finder())
sys.argv = ["llmagentos", "--version"]
from llmagentos.__main__ import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("module", ["llmagentos.cli", "typer", "llmagentos.errors"])
def test_ctrl_c_during_the_imports_ends_with_130_and_no_traceback(module: str) -> None:
    code = INTERRUPTED.format(module=module, before="")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_ctrl_c_that_the_caller_ignores_is_ignored() -> None:
    code = INTERRUPTED.format(module="llmagentos.cli", before="signal.signal(signal.SIGINT, signal.SIG_IGN)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("llmagentos ")
