"""Files opened for reading, if they are files: whoever opens a pipe in a model's folder would wait for good."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_file(path: Path) -> BinaryIO:
    """Open a regular file.

    Raises:
        OSError: it cannot be opened, or it is a pipe, a device or the like.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115 (returned)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return file


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; raises as `open_file` does."""
    with open_file(path) as file:
        return file.read()


def read_text(path: Path) -> str:
    """The text of a regular UTF-8 file, its lines ended by "\\n"; raises as `open_file` does.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
    """
    with io.TextIOWrapper(open_file(path), encoding="utf-8") as file:
        return file.read()
