"""Starts the confined process and watches it: the clock, the folder it writes, and how much it says."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import llmagentos
from llmagentos.errors import ToolError
from llmagentos.tools.sandbox.child import CODE_FILE, NOT_CONFINED
from llmagentos.tools.sandbox.limits import Limits

_TICK = 0.1  # seconds between two looks at the folder
_PACKAGES = str(Path(llmagentos.__file__).parent.parent)
# Isolated from the environment's and the user's settings (-I), no bytecode written (-B), output not held back (-u).
_START = (
    "import sys; sys.path.insert(0, {!r}); from llmagentos.tools.sandbox.child import main; del sys.path[0]; main()"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of code came to.

    Attributes:
        output: of standard output and error, in the order in which it came.
        fault: why it did not end well, in a sentence; None where it did.
        dropped_bytes: of output, beyond the limit.
    """

    output: str
    fault: str | None
    dropped_bytes: int

    def __str__(self) -> str:
        dropped = f"[{self.dropped_bytes:,} bytes more of output were dropped]" if self.dropped_bytes else ""
        fault = f"[{self.fault}]" if self.fault is not None else ""
        return "\n".join(part for part in (self.output.rstrip("\n"), dropped, fault) if part) or "[no output]"


def run_python(code: str, limits: Limits | None = None) -> Outcome:
    """Runs Python code in a process of its own, in a new folder that is removed afterwards.

    It can import what is installed beside this package, has no network, starts no processes, reads no files but
    Python's and those of the system's libraries, and writes only into that folder, which holds files and no folders.

    Raises:
        ToolError: the process cannot be confined on this machine; the code was not run then.
    """
    bounds = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="llmagentos-python-", ignore_cleanup_errors=True) as folder:
        try:
            Path(folder, CODE_FILE).write_text(code, encoding="utf-8")
        except UnicodeEncodeError as error:
            raise ToolError(f"the code is no valid text: {error}") from None
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-B",
                "-u",
                "-X",
                "utf8",
                "-c",
                _START.format(_PACKAGES),
                json.dumps(asdict(bounds)),
                str(os.getpid()),
            ],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, dropped, fault = _watch(process, folder, bounds)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
            process.stdout.close()
    text = output.decode("utf-8", errors="replace")
    if process.returncode == NOT_CONFINED and fault is None:
        raise ToolError(f"the code was not run, since it cannot be confined: {text.strip()}")
    return Outcome(text, fault or _ending(process.returncode), dropped)


def _watch(process: subprocess.Popen[bytes], folder: str, limits: Limits) -> tuple[bytes, int, str | None]:
    """Output, bytes of it that were dropped, and what the process had to be stopped for."""
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    deadline = time.monotonic() + limits.seconds
    output, dropped = bytearray(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        next_look = 0.0
        while True:
            now = time.monotonic()
            if now >= deadline:
                return bytes(output), dropped, f"stopped: it takes more than {limits.seconds:g} seconds"
            if now >= next_look:
                next_look = now + _TICK
                if _bytes_in(folder) > limits.disk_bytes:
                    return bytes(output), dropped, f"stopped: it writes more than {limits.disk_bytes:,} bytes of files"
            if not selector.get_map():  # it has closed its output, and may go on
                if process.poll() is not None:
                    return bytes(output), dropped, None
                time.sleep(min(_TICK, deadline - now) / 10)
            elif selector.select(min(_TICK, deadline - now)):
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                kept = chunk[: limits.output_bytes - len(output)]
                output += kept
                dropped += len(chunk) - len(kept)
                if not chunk:
                    selector.unregister(process.stdout)


def _bytes_in(folder: str) -> int:
    with os.scandir(folder) as entries:
        return sum(_size(entry) for entry in entries)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # removed meanwhile
        return 0


def _ending(status: int) -> str | None:
    if status >= 0:
        return None if status == 0 else f"ended with status {status}"
    if -status == signal.SIGXCPU:
        return "stopped: it takes too much processor time"
    return f"ended by the signal {signal.Signals(-status).name}"
